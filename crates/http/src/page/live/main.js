// Puts the viewer together: listens to a source, draws what it says, and asks the time what may still be shown.

import { Caliper } from './caliper.js';
import { Controls, getJson, trouble } from './controls.js';
import { Crop } from './crop.js';
import { area, inWords, showAge, showFlow, showMask } from './figures.js';
import { Link } from './link.js';
import { beginPanel } from './panel.js';
import { Scale } from './scale.js';
import { Stage } from './stage.js';
import { STATES, about, age, standing } from './standing.js';
import { Trace } from './trace.js';

const $ = id => document.getElementById(id);
const TICK = 50; // ms: how often the time is asked
const CALM = 250; // ms: figures that change faster cannot be read
const CHANGES = 10000; // ms: which sources there are changes rarely
const HIDDEN_FOR_ALL = 'Hidden by the foot switch. Hold it down for a second to have masks back.';
const SETTLED = 500; // ms: a state is told to screen readers once it has stood so long

const now = () => performance.now();
const make = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

/** What is listened to: the source, why there is none, the newest message, since when. */
const ear = { sources: [], source: null, lacking: null, heard: null, since: now() };
let shown = null; // what the page says now, in one string
let calm = 0; // when figures may change again

const say = text => { $('status').textContent = text; };

const stage = new Stage({ frame: $('stage'), picture: $('picture'), mask: $('mask'), drew });
const trace = new Trace($('trace'));
const caliper = new Caliper({ svg: $('caliper'), stage, pixelMm: () => stage.drawn?.header.pixel_mm ?? null, measured });
const link = new Link({ hear, lost: refresh });
const controls = new Controls({ source: () => ear.source, say, changed: tick, actions: { measure, read } });
const crop = new Crop({ source: () => ear.source, say });
new Scale({ source: () => ear.source, length: () => caliper.length, say });

function hear(message) {
  Object.assign(ear, { heard: message, lacking: null });
  controls.heard(message.header);
  stage.take(message);
  tick();
}

let unit = null;
function drew({ header }) {
  const answer = header.state === 'mask' ? area(header) : null;
  if (answer && answer.unit !== unit) {
    trace.clear();
    unit = answer.unit;
  }
  trace.add(now(), answer?.value ?? null);
  caliper.draw();
  tick();
}

/** Says what may be shown at this moment, and nothing else. */
function tick() {
  const time = now(), { heard } = ear, { drawn } = stage;
  const state = ear.lacking ? 'no-source' : standing({ heard, drawn, since: ear.since }, time);
  const { answer, words, says } = about(state, drawn?.header.presence);
  // By the foot switch, for all who look; or here.
  const forAll = Boolean(heard?.header.hidden);
  const mask = state === 'mask', hidden = mask && (forAll || controls.settings.style === 'off');
  const frozen = Boolean(answer && drawn.header.frozen);
  const header = answer ? drawn.header : null;
  stage.look({ style: controls.settings.style, opacity: controls.settings.opacity, shown: mask && !forAll });
  if (!answer) trace.add(time, null);

  const loud = [frozen && 'FROZEN', hidden ? 'MASK HIDDEN' : frozen && mask ? null : words].filter(Boolean).join(' · ');
  const name = header?.result?.modality;
  const why = ear.lacking ?? (heard?.header.state === state ? heard.header.detail : null);
  const detail = mask && forAll ? HIDDEN_FOR_ALL : mask ? (name ? `${name.name}: ${name.label}` : '') : why ? `${says} (${why})` : says;
  const text = `${loud}\n${detail}`;
  if (text !== shown) {
    shown = text;
    calm = 0;
    put({ state, answer, frozen, hidden, loud, detail });
  }
  if (time < calm) return;
  calm = time + CALM;
  showMask(mask ? header : null);
  if (heard) showFlow(heard.header);
  showAge(drawn ? age(drawn, time) : null, drawn?.header.budget_ms);
  const range = trace.range(time);
  const ends = range && [...new Set(range.map(value => Math.round(value).toLocaleString('en')))];
  $('range').textContent = range ? `${ends.join(' to ')} ${unit}` : '';
  trace.draw(time);
}

let settling = 0;
function put({ state, answer, frozen, hidden, loud, detail }) {
  Object.assign(document.body.dataset, { state, view: answer ? 'answer' : 'fault', frozen });
  const sign = `#sign-${hidden ? 'mask-hidden' : frozen && state === 'mask' ? 'frozen' : state in STATES ? state : 'model-fault'}`;
  for (const use of document.querySelectorAll('.sign.state use')) use.setAttribute('href', sign);
  [$('words').textContent, $('says').textContent] = [loud, detail];
  [$('veil').children[1].textContent, $('veil').children[2].textContent] = [loud, detail];
  $('picture').setAttribute('aria-label', answer ? `Live picture: ${loud.toLowerCase()}` : `No live picture: ${loud.toLowerCase()}`);
  document.title = `${loud} · espmedsam live`;
  clearTimeout(settling);
  settling = setTimeout(() => say(`${loud.toLowerCase()}. ${detail}`), SETTLED);
}

/** Looks which sources there are, and listens to the one that is wanted, or to the first. */
let looking = 0;
async function refresh() {
  clearTimeout(looking);
  const list = await getJson('/v1/sources').catch(() => null);
  if (list) {
    ear.sources = list.sources;
    const wanted = ear.source ?? new URLSearchParams(location.search).get('source') ?? list.sources[0]?.name;
    const found = list.sources.find(({ name }) => name === wanted);
    const known = [...$('source').options].map(option => option.value).join();
    if (known !== list.sources.map(({ name }) => name).join()) {
      $('source').replaceChildren(...list.sources.map(({ name, label }) => Object.assign(make('option', label ?? name), { value: name })));
    }
    ear.lacking = found ? null : wanted === undefined ? 'none is set up' : `there is none called '${wanted}'`;
    if (found && ear.source !== found.name) listen(found);
    crop.heard(found);
    tick();
  }
  looking = setTimeout(refresh, ear.source === null ? 2000 : CHANGES);
}

function listen({ name, modality, ...more }) {
  Object.assign(ear, { source: name, heard: null, since: now(), lacking: null });
  // Nothing of another source may stay in sight.
  stage.clear();
  trace.clear();
  measure(false);
  crop.heard(more);
  trouble(null);
  tick();
  $('source').value = name;
  if (modality) $('modality').value = modality;
  history.replaceState(null, '', `?${new URLSearchParams({ source: name })}`);
  if (!document.hidden) link.open(name);
}

function measure(on) {
  caliper.on = on;
  $('measure').setAttribute('aria-pressed', on);
  $('scale').hidden = !on;
  if (!on) [$('length').textContent, $('length-unit').textContent, $('length-note').textContent] = ['–', '', 'off'];
}

function measured({ px, mm }) {
  $('length').textContent = (mm ?? px).toFixed(1);
  $('length-unit').textContent = mm === null ? 'px' : 'mm';
  $('length-note').textContent = mm === null ? 'pixel size unknown' : `${px.toFixed(1)} px`;
  say(`Caliper: ${(mm ?? px).toFixed(1)} ${mm === null ? 'pixels' : 'millimetres'}.`);
}

function read() {
  const mask = document.body.dataset.state === 'mask';
  const old = stage.drawn ? age(stage.drawn, now()) : null;
  say(inWords(mask ? stage.drawn.header : null, $('words').textContent.toLowerCase(), old));
}

$('source').addEventListener('change', () => listen(ear.sources.find(({ name }) => name === $('source').value)));

// Nobody looks: the device need not send, and nothing old may be here when somebody looks again.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    link.close();
    stage.clear();
    Object.assign(ear, { heard: null });
  } else if (ear.source !== null) {
    ear.since = now();
    link.open(ear.source);
  }
  tick();
  stayAwake();
});

/** A tablet beside the probe shall not go dark. Only secure pages may ask. */
function stayAwake() {
  if (!document.hidden) navigator.wakeLock?.request('screen').catch(() => null);
}

async function begin() {
  const legend = Object.entries(STATES).filter(([state]) => state !== 'connecting').map(([state, { words }]) => {
    const item = make('li', words);
    const sign = document.querySelector('#strip .sign').cloneNode(true);
    sign.classList.remove('state');
    sign.firstElementChild.setAttribute('href', `#sign-${state}`);
    item.prepend(sign);
    return item;
  });
  $('legend').replaceChildren(...legend);
  setInterval(tick, TICK);
  stayAwake();
  for (let pause = 250; ; pause = Math.min(2 * pause, 5000)) {
    const list = await getJson('/v1/modalities').catch(() => null);
    if (list) {
      $('modality').replaceChildren(...list.modalities.map(({ name }) => Object.assign(make('option', name), { value: name })));
      break;
    }
    await new Promise(resume => setTimeout(resume, pause));
  }
  refresh();
}
begin();
beginPanel();
