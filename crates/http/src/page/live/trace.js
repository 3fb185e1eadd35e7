// The area of the last half minute, as a line: broken wherever there was no mask.

const SPAN = 30000; // ms
const MOST = 4000; // points: more than a fast source gives in that time
const GAP = 500; // ms: points further apart are not joined

export class Trace {
  #canvas;
  #points = [];

  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** An area (null: no mask) at that time. */
  add(time, area) {
    this.#points.push({ time, area });
    if (this.#points.length > MOST) this.#points.shift();
  }

  clear() {
    this.#points = [];
  }

  /** Smallest and largest area there, or null. */
  range(now) {
    this.#points = this.#points.filter(({ time }) => time > now - SPAN);
    const areas = this.#points.flatMap(({ area }) => area ?? []);
    return areas.length ? [Math.min(...areas), Math.max(...areas)] : null;
  }

  draw(now) {
    const canvas = this.#canvas, sharp = Math.min(devicePixelRatio, 2);
    const [width, height] = [Math.round(canvas.clientWidth * sharp), Math.round(canvas.clientHeight * sharp)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext('2d');
    context.clearRect(0, 0, width, height);
    const range = this.range(now);
    if (!range) return;
    // At least a tenth of the area high: noise shall not look like a beat.
    const spread = Math.max(range[1] - range[0], range[1] / 10, 1), middle = (range[0] + range[1]) / 2;
    const x = time => width * (1 - (now - time) / SPAN);
    const y = area => height * (.5 - .84 * (area - middle) / spread);
    context.strokeStyle = '#00e5ff';
    context.lineWidth = 1.5 * sharp;
    context.lineJoin = 'round';
    context.beginPath();
    let before = null;
    for (const { time, area } of this.#points) {
      if (area !== null) context[before === null || time - before > GAP ? 'moveTo' : 'lineTo'](x(time), y(area));
      before = area === null ? null : time;
    }
    context.stroke();
  }
}
