"""A picture in, its mask as JSON out, with Python's standard library. Research use only. Not for clinical use.

segment.py URL PICTURE MODALITY
"""

import json
import sys
import time
import urllib.error
import urllib.request

url, picture, modality = sys.argv[1:]


def ask(path, body=None):
    """Status and JSON of a reply; a refusal is `application/problem+json`, with a `type` to go by and an `action`."""
    request = urllib.request.Request(url + path, body, {"Content-Type": "application/octet-stream"})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


while ask("/health/ready")[0] != 200:
    time.sleep(0.5)
with open(picture, "rb") as file:
    body = file.read()
while (found := ask(f"/v1/segment?modality={modality}&format=rle", body))[0] == 503:
    time.sleep(1)  # the queue is full, and said so at once
status, found = found
assert status == 200, found["title"]
assert found["notice"] == "Research use only. Not for clinical use."
assert found["result"] == "target" and found["modality_check"]["state"] == "match", found
print(f"{modality}: {found['area']['px']} px, expected Dice {found['confidence']:.2f}, warnings {found['warnings']}")

status, refused = ask(f"/v1/segment?modality={modality}", b"no picture")
assert status == 415 and refused["type"] == "/problems/not-a-picture", refused
