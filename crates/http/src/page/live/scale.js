// How large a pixel is, by a line of known length that is measured upon the picture.

import { ask } from './controls.js';

const $ = id => document.getElementById(id);
const DIGITS = 5; // more than a hand can measure

export class Scale {
  #source; #length; #say;

  /** `source` names the one that is shown, `length` gives the caliper's in px, or null; `say` is for screen readers. */
  constructor({ source, length, say }) {
    [this.#source, this.#length, this.#say] = [source, length, say];
    $('scale').addEventListener('click', () => this.open());
    $('scale-set').addEventListener('click', () => this.#measure());
    $('scale-mm').addEventListener('keydown', event => { if (event.key === 'Enter') this.#measure(); });
    $('scale-unknown').addEventListener('click', () => this.#set({}, 'The size of a pixel is not known from now on.'));
    $('scale-close').addEventListener('click', () => $('scale-dialog').close());
  }

  open() {
    [$('scale-mm').value, $('scale-says').textContent] = ['', `It is ${(this.#length() ?? 0).toFixed(1)} px long.`];
    $('scale-dialog').showModal();
    $('scale-mm').focus();
  }

  #measure() {
    const mm = $('scale-mm').valueAsNumber, px = this.#length();
    if (!(mm > 0) || !(px >= 1)) {
      $('scale-says').textContent = 'That needs a line on the picture, and its length in millimetres.';
      return;
    }
    const pixel = Number((mm / px).toPrecision(DIGITS));
    this.#set({ pixel_mm: pixel }, `A pixel is ${pixel} millimetres from now on.`);
  }

  async #set(size, told) {
    try {
      await ask('POST', '/v1/live/scale', { source: this.#source(), ...size });
      $('scale-dialog').close();
      this.#say(told);
    } catch (error) {
      $('scale-says').textContent = error.message;
    }
  }
}
