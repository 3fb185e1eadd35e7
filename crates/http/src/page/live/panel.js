// Lights and a foot switch of nothing: to be seen and clicked where there are none of glass and metal.

import { getJson, trouble } from './controls.js';

const $ = id => document.getElementById(id);
const BEAT = 150; // ms: shorter than the shortest flash of a lamp

/** Shows the panel if this device simulates one. */
export async function beginPanel() {
  const about = await getJson('/v1/info').catch(() => null);
  if (about?.panel !== 'simulated') return;
  $('panel').hidden = $('panel-help').hidden = false;
  const button = $('trigger');
  const press = down => {
    button.setAttribute('aria-pressed', down);
    return fetch(`/v1/gpio/trigger?pressed=${down}`, { method: 'POST' })
      .then(reply => trouble(reply.ok ? null : `The foot switch: the device answered ${reply.status}.`))
      .catch(() => trouble('The device does not answer.'));
  };
  // One after the other, however slow the way is: what is let go was pressed before.
  let turn = Promise.resolve(), down = false;
  const be = to => {
    if (down === to) return;
    down = to;
    turn = turn.then(() => press(to));
  };
  button.addEventListener('pointerdown', event => { button.setPointerCapture(event.pointerId); be(true); });
  for (const kind of ['pointerup', 'pointercancel', 'lostpointercapture', 'blur']) button.addEventListener(kind, () => be(false));
  button.addEventListener('keydown', ({ key }) => { if (key === 'Enter' || key === ' ') be(true); });
  button.addEventListener('keyup', ({ key }) => { if (key === 'Enter' || key === ' ') be(false); });
  look();
}

async function look() {
  const seen = document.hidden ? null : await getJson('/v1/gpio').catch(() => null);
  if (seen) show(seen.lamps);
  setTimeout(look, BEAT);
}

function show(lamps) {
  if ($('lamps').children.length !== lamps.length) {
    $('lamps').replaceChildren(...lamps.map(({ role }) => Object.assign(document.createElement('li'), { textContent: role })));
  }
  lamps.forEach(({ role, lit, pattern }, index) => {
    const item = $('lamps').children[index];
    Object.assign(item.dataset, { role, lit });
    item.title = `${role}: ${pattern}`;
  });
}
