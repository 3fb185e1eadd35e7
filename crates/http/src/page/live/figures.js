// The figures beside the picture. They are those of the mask that is shown: without one there are none.

const $ = id => document.getElementById(id);
const NONE = '–';
const whole = value => Math.round(value).toLocaleString('en');

/** A time, ms, in words that stay readable however long it is. */
export function span(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60000)} min`;
}

/** Area and its unit: mm² where the size of the pixels is known. */
export function area({ result, pixel_mm: pixelMm }) {
  return pixelMm ? { value: result.area.px * pixelMm[0] * pixelMm[1], unit: 'mm²' } : { value: result.area.px, unit: 'px' };
}

function show(id, value, unit, note) {
  $(id).textContent = value;
  $(`${id}-unit`).textContent = unit;
  $(`${id}-note`).textContent = note;
}

/** Of the header whose mask is shown; of null: of none. */
export function showMask(header) {
  const result = header?.result;
  if (!result) {
    for (const id of ['area', 'round', 'dice']) show(id, NONE, '', '');
    $('warnings').replaceChildren();
    return;
  }
  const { value, unit } = area(header);
  const share = `${(result.area.fraction * 100).toFixed(1)} % of the picture`;
  show('area', whole(value), unit, unit === 'px' ? share : `${whole(result.area.px)} px, ${share}`);
  const { ellipse, regions, confidence } = result;
  if (ellipse) show('round', ellipse.circumference_mm.toFixed(1), 'mm', `of its ellipse, likeness ${ellipse.likeness.toFixed(2)}`);
  else show('round', NONE, '', header.pixel_mm ? 'no ellipse fits' : 'pixel size unknown');
  const pieces = `${regions.count} ${regions.count === 1 ? 'region' : 'regions'}`;
  show('dice', confidence === null ? NONE : (confidence * 100).toFixed(0), confidence === null ? '' : '%', pieces);
  const same = [...$('warnings').children].map(item => item.textContent).join() === result.warnings.map(w => w.message).join();
  if (same) return;
  $('warnings').replaceChildren(...result.warnings.map(warning => Object.assign(document.createElement('li'), { textContent: warning.message })));
}

const REASONS = { 'hot': 'board too hot', 'warm': 'board warm', 'low-voltage': 'low voltage', 'over-current': 'over current' };
const STEPS = { 'fewer-frames': 'fewer frames', 'small-model': 'smaller model', 'small-picture': 'smaller picture' };

/** How the board does: its heat, and what is amiss, in amber if it will be slower and in red if it is. */
function showBoard(board) {
  const celsius = board?.celsius;
  $('board').textContent = Number.isFinite(celsius) ? `${celsius.toFixed(0)} °C` : NONE;
  const said = board?.strains.map(({ meaning }) => meaning).join(' ') ?? '';
  if ($('strain').textContent !== said) $('strain').textContent = said; // said anew only when it is new
  $('strain').hidden = !said;
  $('strain').dataset.level = board?.level ?? 'fine';
}

/** Of the newest header, whatever its state. */
export function showFlow(header) {
  const { rate, missed, step, step_reason: reason, still_ms: still, presence } = header;
  const took = header.result?.times_ms.total;
  $('latency').textContent = took === undefined || took === null ? NONE : span(took);
  $('rates').textContent = rate ? `${rate.segmented.toFixed(0)} of ${rate.captured.toFixed(0)} a second` : NONE;
  $('missed').textContent = whole(missed ?? 0);
  $('presence').parentElement.hidden = !presence;
  $('presence').textContent = presence ? `${presence.score.toFixed(2)}, ${presence.state}` : NONE;
  $('step').hidden = !step || step === 'full';
  $('step').textContent = `REDUCED: ${STEPS[step] ?? step}${REASONS[reason] ? `, ${REASONS[reason]}` : ''}`;
  showBoard(header.board);
  // A grabber may repeat one picture for ever, and each is new to it.
  $('still').hidden = !still;
  $('still').textContent = `UNCHANGED for ${span(still ?? 0)}`;
}

/** How old what is shown is, and how much of its budget that is. */
export function showAge(ms, budget) {
  $('age').textContent = Number.isFinite(ms) ? span(ms) : NONE;
  const meter = $('age-of-budget');
  meter.max = budget ?? 1;
  meter.high = .75 * meter.max;
  meter.optimum = 0;
  meter.value = ms ?? 0;
  $('age-note').textContent = budget ? `, limit ${span(budget)}` : '';
}

/** All of it in one sentence, for a screen reader that asks. */
export function inWords(header, state, ms) {
  const old = !Number.isFinite(ms) ? '' : ` ${span(ms)} old.`;
  if (!header?.result) return `${state}.${old}`;
  const { value, unit } = area(header), { ellipse, confidence } = header.result;
  const parts = [`Area ${whole(value)} ${unit === 'px' ? 'pixels' : 'square millimetres'}`];
  if (ellipse) parts.push(`circumference ${ellipse.circumference_mm.toFixed(1)} millimetres`);
  if (confidence !== null) parts.push(`Dice to be expected ${(confidence * 100).toFixed(0)} percent`);
  return `${state}. ${parts.join(', ')}.${old}`;
}
