// What the hand can do: buttons, keys, settings. What the server does is asked of it; what it then is, its messages say.

const $ = id => document.getElementById(id);
const STORE = 'espmedsam-live';

/** JSON of the server; throws an error in the words of its problem. */
export async function getJson(path) {
  return (await ask('GET', path)).json();
}

/** The server's reply; throws as `getJson` does. */
export async function ask(method, path, query) {
  const unreachable = () => { throw new Error('The device does not answer.'); };
  const response = await fetch(query ? `${path}?${new URLSearchParams(query)}` : path, { method }).catch(unreachable);
  if (response.ok) return response;
  const problem = await response.json().catch(() => null);
  throw new Error(problem ? `${problem.title}: ${problem.detail}` : `The device answered ${response.status}.`);
}

/** Says in words what went wrong, or that it no longer does. */
export function trouble(text) {
  $('trouble').textContent = text ?? '';
  $('trouble').hidden = !text;
}

export class Controls {
  #source; #say; #changed;
  #frozen = false;
  /** How masks are drawn, and what else is remembered in this browser. */
  settings = { style: 'fill', opacity: .2, keys: true, left: false };
  #seen = 'fill'; // the style to come back to from "off"

  /**
   * `source` names the one that is shown, `say` is for screen readers, `changed` is called upon new settings; `actions` are what
   * others do for a key or a button: `measure(on)`, `read()`.
   */
  constructor({ source, say, changed, actions }) {
    [this.#source, this.#say, this.#changed] = [source, say, changed];
    try { Object.assign(this.settings, JSON.parse(localStorage.getItem(STORE))); } catch { /* forbidden, or not ours */ }
    this.settings.style = this.settings.style === 'contour' ? 'contour' : 'fill'; // nobody shall begin without masks
    this.#seen = this.settings.style;
    const toggle = () => actions.measure($('measure').getAttribute('aria-pressed') !== 'true');
    const styles = [...document.querySelectorAll('[data-style]')];
    for (const button of styles) button.addEventListener('click', () => this.#style(button.dataset.style));
    $('opacity').addEventListener('input', () => this.#opacity($('opacity').value / 100));
    $('freeze').addEventListener('click', () => this.freeze());
    $('snapshot').addEventListener('click', () => this.snapshot());
    $('measure').addEventListener('click', toggle);
    $('modality').addEventListener('change', () => this.#do('modality', { modality: $('modality').value }));
    $('help').addEventListener('click', () => $('about').showModal());
    $('about-close').addEventListener('click', () => $('about').close());
    for (const id of ['keys', 'left']) $(id).addEventListener('change', () => this.#set({ [id]: $(id).checked }));
    const keys = {
      ' ': () => this.freeze(),
      's': () => this.snapshot(),
      'o': () => this.#style(this.settings.style === 'off' ? this.#seen : 'off'),
      'f': () => this.#style(this.settings.style === 'fill' ? 'contour' : 'fill'),
      '+': () => this.#opacity(this.settings.opacity + .05),
      '=': () => this.#opacity(this.settings.opacity + .05),
      '-': () => this.#opacity(this.settings.opacity - .05),
      'c': toggle,
      'r': actions.read,
      '?': () => $('about').showModal(),
    };
    addEventListener('keydown', event => {
      const busy = event.ctrlKey || event.altKey || event.metaKey || document.querySelector('dialog[open]') || event.target.closest('select');
      const own = event.key === ' ' && event.target.closest('button, a, input');
      const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!act || busy || own || event.repeat && !'+-='.includes(event.key) || !this.settings.keys) return;
      event.preventDefault();
      act();
    });
    // What was clicked shall not take the space bar.
    addEventListener('click', ({ detail, target }) => { if (detail > 0) target.closest?.('button')?.blur(); });
    this.#show();
  }

  /** As the newest message has it. */
  heard({ frozen, modality }) {
    if (this.#frozen !== Boolean(frozen)) {
      this.#frozen = Boolean(frozen);
      $('freeze').setAttribute('aria-pressed', this.#frozen);
      $('freeze').textContent = this.#frozen ? 'Resume' : 'Freeze';
    }
    if (document.activeElement !== $('modality')) $('modality').value = modality;
  }

  freeze() {
    return this.#do(this.#frozen ? 'resume' : 'freeze');
  }

  async snapshot() {
    const reply = await this.#do('snapshot');
    if (!reply) return;
    const named = /filename="([^"/\\]+)"/.exec(reply.headers.get('Content-Disposition') ?? '');
    const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(await reply.blob()) });
    link.download = named ? named[1] : `${this.#source()}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    this.#say('Snapshot saved.');
  }

  /** Asks the server to do it; gives its reply, or nothing and says why. */
  async #do(what, query = {}) {
    try {
      if (!this.#source()) throw new Error('There is no source.');
      const reply = await ask('POST', `/v1/live/${what}`, { source: this.#source(), ...query });
      trouble(null);
      return reply;
    } catch (error) {
      trouble(error.message);
      return null;
    }
  }

  #style(style) {
    if (style !== 'off') this.#seen = style;
    this.#set({ style });
    this.#say(style === 'off' ? 'Overlay off.' : `Overlay: ${style}.`);
  }

  #opacity(opacity) {
    this.#set({ opacity: Math.min(Math.max(Math.round(opacity * 20) / 20, 0), 1) });
  }

  #set(some) {
    Object.assign(this.settings, some);
    try { localStorage.setItem(STORE, JSON.stringify(this.settings)); } catch { /* forbidden: forgotten */ }
    this.#show();
    this.#changed();
  }

  #show() {
    const { style, opacity, keys, left } = this.settings;
    for (const button of document.querySelectorAll('[data-style]')) button.setAttribute('aria-pressed', button.dataset.style === style);
    const percent = Math.round(opacity * 100);
    $('opacity').value = percent;
    $('opacity-value').textContent = `${percent} %`;
    $('keys').checked = keys;
    $('left').checked = left;
    document.body.classList.toggle('left', left);
  }
}
