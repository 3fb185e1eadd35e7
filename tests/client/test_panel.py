"""Simulated lights and foot switch, through the generated client: what a foot does is seen in the lamps and in the source."""

import json
import time

from test_client import OPERATIONS


def until(what, happens):
    patience = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < patience, what
        time.sleep(0.05)


def test_a_foot_freezes_and_resumes_and_the_lamps_say_so(generated, client):
    assert {name for name, (tag, _) in OPERATIONS.items() if tag == "panel"} == {"get_panel", "press_trigger"}
    look, trigger = generated("api.panel.get_panel"), generated("api.panel.press_trigger")
    http = client.get_httpx_client()

    def lamps():
        reply = look.sync_detailed(client=client)
        assert reply.status_code == 200 and reply.parsed.to_dict() == json.loads(reply.content)
        return {lamp.role: lamp.pattern for lamp in reply.parsed.lamps}

    def press():
        for down in (True, False):
            assert trigger.sync_detailed(client=client, pressed=down).status_code == 200
            time.sleep(0.1)

    def frozen():
        return http.get("/v1/sources").json()["sources"][0]["frozen"]

    until("the lamps say that a mask is there", lambda: (lamps()["ready"], lamps()["streaming"]) == ("on", "on"))
    press()
    until("it is frozen", frozen)
    until("the lamps say so", lambda: lamps()["streaming"] == "slow")
    press()
    until("it goes on", lambda: not frozen())
    until("the lamps say so", lambda: lamps()["streaming"] == "on")
    assert look.sync(client=client).short == 2
