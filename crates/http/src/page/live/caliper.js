// Measures between two points of the picture: by one finger or the mouse, by two fingers, or by arrow keys on its ends.

const REACH = 28; // CSS pixels around an end that still take hold of it: a fingertip
const STEP = 1; // picture pixels for an arrow key; ten with Shift

/** Distance of two points of a picture: in its pixels, and in mm where a pixel's size (column, row) is known. */
export function distance([a, b], pixelMm) {
  const [x, y] = [b[0] - a[0], b[1] - a[1]];
  return { px: Math.hypot(x, y), mm: pixelMm ? Math.hypot(x * pixelMm[0], y * pixelMm[1]) : null };
}

const inWords = ({ px, mm }) => mm === null ? `${px.toFixed(1)} px` : `${mm.toFixed(mm < 100 ? 1 : 0)} mm`;

export class Caliper {
  #svg; #stage; #pixelMm; #measured;
  #ends = null;
  #size = null;
  #fingers = new Map();
  #on = false;

  /** `pixelMm` gives the size of the pixels now, or null; `measured` is told of each measurement once it stands. */
  constructor({ svg, stage, pixelMm, measured }) {
    [this.#svg, this.#stage, this.#pixelMm, this.#measured] = [svg, stage, pixelMm, measured];
    svg.addEventListener('pointerdown', event => this.#down(event));
    svg.addEventListener('pointermove', event => this.#move(event));
    for (const kind of ['pointerup', 'pointercancel']) svg.addEventListener(kind, event => this.#up(event));
    svg.querySelectorAll('[data-end]').forEach(end => end.addEventListener('keydown', event => this.#key(event, Number(end.dataset.end))));
    new ResizeObserver(() => this.draw()).observe(svg);
  }

  get on() { return this.#on; }

  /** Of the line, in the picture's pixels; null if there is none. */
  get length() { return this.#on && this.#ends ? distance(this.#ends, null).px : null; }

  /** Turned on it lies across the middle, so that it can be taken hold of and is found by the keyboard. */
  set on(on) {
    this.#on = on;
    this.#ends = null;
    this.#fingers.clear();
    this.draw();
    if (on && this.#ends) this.#tell();
  }

  /** Draws it where it is now; a picture of another size has nothing measured on it yet. */
  draw() {
    const { place } = this.#stage;
    const shown = this.#on && place !== null;
    this.#svg.toggleAttribute('data-on', shown);
    if (!shown) return;
    const size = `${place.width} ${place.height}`;
    if (!this.#ends || this.#size !== size) {
      this.#ends = [.35, .65].map(x => [place.width * x, place.height / 2]);
      this.#size = size;
    }
    const [a, b] = this.#ends.map(([x, y]) => [place.left + x * place.scale, place.top + y * place.scale]);
    for (const line of this.#svg.querySelectorAll('line')) set(line, { x1: a[0], y1: a[1], x2: b[0], y2: b[1] });
    const length = distance(this.#ends, this.#pixelMm()), words = inWords(length);
    [a, b].forEach(([x, y], index) => {
      const end = this.#svg.querySelector(`[data-end="${index}"]`);
      set(end, { 'transform': `translate(${x} ${y})`, 'aria-valuenow': Math.round(length.px), 'aria-valuetext': words });
    });
    const text = this.#svg.querySelector('text');
    // Beside the middle, upwards; on a steep line to its right.
    const steep = Math.abs(b[1] - a[1]) > Math.abs(b[0] - a[0]);
    set(text, { 'x': (a[0] + b[0]) / 2 + (steep ? 16 : 0), 'y': (a[1] + b[1]) / 2 - (steep ? 0 : 16), 'text-anchor': steep ? 'start' : 'middle' });
    text.textContent = words;
  }

  #point(event) {
    const { place } = this.#stage, box = this.#svg.getBoundingClientRect();
    return this.#within([(event.clientX - box.left - place.left) / place.scale, (event.clientY - box.top - place.top) / place.scale]);
  }

  #within([x, y]) {
    const { width, height } = this.#stage.place;
    return [Math.min(Math.max(x, 0), width), Math.min(Math.max(y, 0), height)];
  }

  #down(event) {
    if (!this.#ends || this.#fingers.size > 1) return;
    event.preventDefault();
    this.#svg.setPointerCapture(event.pointerId);
    const point = this.#point(event), { scale } = this.#stage.place;
    const taken = new Set(this.#fingers.values());
    const far = this.#ends.map((end, index) => taken.has(index) ? Infinity : scale * distance([end, point], null).px);
    let end = far[0] < far[1] ? 0 : 1;
    if (!taken.size && far[end] > REACH) {
      // Away from both ends a new measurement begins.
      this.#ends = [point, point];
      end = 1;
    }
    this.#fingers.set(event.pointerId, end);
    this.#move(event);
  }

  #move(event) {
    const end = this.#fingers.get(event.pointerId);
    if (end === undefined || !this.#stage.place) return;
    this.#ends[end] = this.#point(event);
    this.draw();
  }

  #up(event) {
    if (this.#fingers.delete(event.pointerId)) this.#tell();
  }

  #key(event, end) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (!way) return;
    event.preventDefault();
    const step = event.shiftKey ? 10 * STEP : STEP;
    this.#ends[end] = this.#within(this.#ends[end].map((value, axis) => value + step * way[axis]));
    this.draw();
    this.#tell();
  }

  #tell() {
    this.#measured(distance(this.#ends, this.#pixelMm()));
  }
}

function set(element, values) {
  for (const [name, value] of Object.entries(values)) element.setAttribute(name, value);
}
