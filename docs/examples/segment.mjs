// A picture in, its outlines out, with node 18 or later and nothing else. Research use only. Not for clinical use.
//   node segment.mjs URL PICTURE MODALITY
import assert from 'node:assert';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const [url, picture, modality] = process.argv.slice(2);

while (!(await fetch(`${url}/health/ready`)).ok) await sleep(500);

// As a form: the picture beside the wishes.
const form = new FormData();
form.append('image', new Blob([await readFile(picture)]), 'picture');
form.append('modality', modality);
form.append('format', 'polygons');
form.append('sizes', 'true');
const reply = await fetch(`${url}/v1/segment`, { method: 'POST', body: form });
const found = await reply.json();
assert.equal(reply.status, 200, `${found.title}: ${found.detail}. ${found.action}`);
assert.equal(found.notice, 'Research use only. Not for clinical use.');
assert.equal(found.result, 'target');

// Shoelace formula: what the outlines enclose is what the mask has.
const area = (ring) => Math.abs(ring.reduce((sum, [x, y], at) => {
  const [u, v] = ring[(at + 1) % ring.length];
  return sum + x * v - y * u;
}, 0)) / 2;
const enclosed = found.polygons.reduce((sum, { outer, holes }) => sum + area(outer) - holes.map(area).reduce((a, b) => a + b, 0), 0);
assert.equal(enclosed, found.area.px);

const { value, unit } = found.sizes.whole.figures.perimeter;
console.log(`${modality}: ${found.polygons.length} outlines, ${enclosed} px, ${value.toFixed(0)} ${unit} around`);
