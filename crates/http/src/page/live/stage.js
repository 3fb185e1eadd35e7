// The picture and what is drawn over it: always the pair that belongs together.

const COLOUR = '0, 229, 255'; // as in overlays that the server draws

/** Canvases of the picture and of the mask, over each other, as large as the screen shows them. */
export class Stage {
  #frame; #picture; #mask; #drew;
  #waiting = null;
  #busy = false;
  #turn = 0;
  #bitmap = null;
  #path = null;
  #look = { style: 'fill', opacity: .2, shown: false };
  /** The message whose picture is on the screen. */
  drawn = null;

  /** `drew` is told of each message that was drawn. */
  constructor({ frame, picture, mask, drew }) {
    [this.#frame, this.#picture, this.#mask, this.#drew] = [frame, picture, mask, drew];
    new ResizeObserver(() => this.#paint()).observe(frame);
  }

  /** Draws a message when its picture is decoded, unless a newer one comes before its turn. */
  async take(message) {
    // Said once more of the picture that is here.
    if (!message.picture && this.drawn && message.header.sequence === this.drawn.header.sequence) this.drawn = message;
    if (!message.picture) return;
    this.#waiting = message;
    if (this.#busy) return;
    this.#busy = true;
    while (this.#waiting) {
      const [next, turn] = [this.#waiting, this.#turn];
      this.#waiting = null;
      // What cannot be decoded, or has a mask that does not fit, is not drawn: the picture that is here grows old, and
      // that is said.
      const bitmap = await createImageBitmap(next.picture).catch(() => null);
      if (turn !== this.#turn) bitmap?.close();
      else if (bitmap) this.#put(next, bitmap);
    }
    this.#busy = false;
  }

  /** Nothing is left of what was shown. */
  clear() {
    this.#turn += 1;
    this.#waiting = this.drawn = this.#path = null;
    this.#bitmap?.close();
    this.#bitmap = null;
    this.#paint();
  }

  /** How the mask looks, and whether it is shown at all. */
  look(look) {
    if (Object.keys(look).every(key => this.#look[key] === look[key])) return;
    Object.assign(this.#look, look);
    this.#paintMask();
  }

  /** Size of the picture in its own pixels, and where it lies in the frame: CSS pixels to one of its own. */
  get place() {
    const size = this.drawn?.header.picture ?? this.#bitmap;
    if (!size) return null;
    const { clientWidth, clientHeight } = this.#frame;
    const scale = Math.min(clientWidth / size.width, clientHeight / size.height);
    const [left, top] = [(clientWidth - scale * size.width) / 2, (clientHeight - scale * size.height) / 2];
    return { width: size.width, height: size.height, scale, left, top };
  }

  #put(message, bitmap) {
    const path = maskPath(message.header);
    if (message.header.state === 'mask' && !path) return bitmap.close();
    this.#bitmap?.close();
    [this.drawn, this.#bitmap, this.#path] = [message, bitmap, path];
    this.#paint();
    this.#drew(message);
  }

  #paint() {
    const { place } = this, sharp = Math.min(devicePixelRatio, 2);
    for (const canvas of [this.#picture, this.#mask]) {
      const [width, height] = place ? [place.width * place.scale, place.height * place.scale] : [0, 0];
      const [across, down] = [Math.round(width * sharp), Math.round(height * sharp)];
      if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
      Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
    }
    if (place) this.#picture.getContext('2d').drawImage(this.#bitmap, 0, 0, this.#picture.width, this.#picture.height);
    this.#paintMask();
  }

  #paintMask() {
    const canvas = this.#mask, context = canvas.getContext('2d');
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const { style, opacity, shown } = this.#look;
    if (!shown || !this.#path || style === 'off') return;
    const { image } = this.drawn.header.result;
    const path = new Path2D();
    path.addPath(this.#path, new DOMMatrix().scale(canvas.width / image.width, canvas.height / image.height));
    if (style === 'fill') {
      context.fillStyle = `rgba(${COLOUR}, ${opacity})`;
      context.fill(path, 'evenodd');
    }
    // Wide dark under narrow bright: seen on any ground.
    const sharp = canvas.width / canvas.clientWidth;
    context.lineJoin = 'round';
    for (const [width, colour] of [[4, 'rgba(0, 24, 28, .75)'], [2, `rgb(${COLOUR})`]]) {
      context.lineWidth = width * sharp;
      context.strokeStyle = colour;
      context.stroke(path);
    }
  }
}

/** The outline of a message's mask in the pixels of its report; null if it has none, or one of another picture. */
function maskPath({ state, result, picture }) {
  if (state !== 'mask' || !result?.polygons || !picture) return null;
  const { width, height } = result.image;
  // A viewer's picture may be smaller than the one that was segmented, but not of another shape.
  if (Math.abs(width * picture.height - height * picture.width) > Math.max(width, height)) return null;
  const path = new Path2D();
  for (const ring of result.polygons.flatMap(region => [region.outer, ...region.holes])) trace(path, ring);
  return path;
}

// Rings go along the sides of pixels. Their corners are rounded, by 0.71 px at most: stairs are none of the anatomy's.
function trace(path, ring) {
  const toward = ([x, y], [toX, toY]) => {
    const length = Math.abs(toX - x) + Math.abs(toY - y), part = Math.min(2, length / 2) / length;
    return [x + part * (toX - x), y + part * (toY - y)];
  };
  ring.forEach((corner, index) => {
    const before = toward(corner, ring.at(index - 1)), after = toward(corner, ring[(index + 1) % ring.length]);
    if (index) path.lineTo(...before); else path.moveTo(...before);
    path.quadraticCurveTo(...corner, ...after);
  });
  path.closePath();
}
