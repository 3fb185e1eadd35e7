// The console's surround: what the device would cut off is looked at, and cut off by the hand alone.

import { ask } from './controls.js';

const $ = id => document.getElementById(id);

export class Crop {
  #source; #say;
  #turn = 0;
  #region = null;

  /** `source` names the one that is shown, `say` is for screen readers. */
  constructor({ source, say }) {
    [this.#source, this.#say] = [source, say];
    $('crop').addEventListener('click', () => this.open());
    $('crop-keep').addEventListener('click', () => this.#see(this.#region, 'The part is seen from now on.'));
    $('crop-whole').addEventListener('click', () => this.#see({}, 'The whole picture is seen from now on.'));
    $('crop-close').addEventListener('click', () => $('crop-dialog').close());
    $('crop-dialog').addEventListener('close', () => this.#forget());
  }

  /** As the list of sources has the one that is shown. */
  heard(listed) {
    const proposed = Boolean(listed?.proposed_region);
    $('crop').toggleAttribute('data-proposed', proposed);
    $('crop').setAttribute('aria-label', proposed ? 'Crop: the device proposes a part of the picture' : 'Crop');
  }

  /** Has the device look, and shows what it would keep. Nothing is changed by it. */
  async open() {
    const [source, turn] = [this.#source(), ++this.#turn];
    this.#show('The next pictures are looked at.');
    $('crop-dialog').showModal();
    try {
      if (!source) throw new Error('There is no source.');
      const report = await (await ask('POST', '/v1/live/surround', { source })).json();
      if (turn !== this.#turn) return;
      const { region, preview, confidence, picture } = report;
      if (!region) return this.#show('Nothing was found that surrounds the scan.');
      const { x, y, width, height } = region;
      this.#region = { x, y, width, height };
      const size = `${width} × ${height} of ${picture.width} × ${picture.height} pixels`;
      this.#show(`The bright part would be kept: ${size}. Certainty ${confidence.toFixed(2)} of 1.`, preview);
    } catch (error) {
      if (turn === this.#turn) this.#show(error.message);
    }
  }

  #show(text, preview) {
    $('crop-says').textContent = text;
    $('crop-preview').hidden = !preview;
    if (preview) $('crop-preview').src = preview; else $('crop-preview').removeAttribute('src');
    $('crop-keep').disabled = !preview;
  }

  async #see(region, told) {
    try {
      this.heard(await (await ask('POST', '/v1/live/region', { source: this.#source(), ...region })).json());
      $('crop-dialog').close();
      this.#say(told);
    } catch (error) {
      this.#show(error.message);
    }
  }

  #forget() {
    this.#turn += 1;
    this.#region = null;
    this.#show('');
  }
}
