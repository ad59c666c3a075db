// The plan panel's graph layout, without an editor.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import test from 'node:test';

const { layoutGraph } = createRequire(import.meta.url)('../media/layout.js');
const node = (id) => ({ id });

test('a node stands right of everything it depends on', () => {
  const { at, columns } = layoutGraph(['a', 'b', 'c', 'd'].map(node), [
    { from: 'a', to: 'b' },
    { from: 'b', to: 'd' },
    { from: 'a', to: 'd' },
    { from: 'c', to: 'd' },
  ]);
  assert.equal(columns.length, 3);
  assert.ok(at.get('a').x < at.get('b').x && at.get('b').x < at.get('d').x);
  assert.equal(at.get('a').x, at.get('c').x);
});

test('nodes of one column do not overlap', () => {
  const { at } = layoutGraph([...Array(50).keys()].map((i) => node(String(i))), []);
  assert.equal(new Set([...at.values()].map((p) => `${p.x},${p.y}`)).size, 50);
});

test('edges that would cross are untangled', () => {
  const { at } = layoutGraph(['a', 'b', 'x', 'y'].map(node), [
    { from: 'a', to: 'y' },
    { from: 'b', to: 'x' },
  ]);
  assert.ok(at.get('a').y < at.get('b').y === at.get('y').y < at.get('x').y);
});

test('a cycle, an edge to itself and an edge to nowhere end', () => {
  const { at } = layoutGraph(['a', 'b'].map(node), [
    { from: 'a', to: 'b' },
    { from: 'b', to: 'a' },
    { from: 'a', to: 'a' },
    { from: 'a', to: 'gone' },
  ]);
  assert.equal(at.size, 2);
});

test('an empty plan has an empty picture', () => {
  assert.deepEqual(layoutGraph([], []).columns, []);
});

test('a chain goes down where it would be too wide, and two layers of many nodes do not', () => {
  const chain = ['a', 'b', 'c', 'd'].map(node);
  const edges = [['a', 'b'], ['b', 'c'], ['c', 'd']].map(([from, to]) => ({ from, to }));
  const tall = layoutGraph(chain, edges, undefined, 400);
  assert.equal(tall.down, true);
  assert.ok(tall.width <= 400, String(tall.width));
  assert.ok(tall.at.get('a').y < tall.at.get('b').y && tall.at.get('a').x === tall.at.get('d').x);
  assert.equal(layoutGraph(chain, edges, undefined, 2000).down, false);
  const many = [...Array(20).keys()].map((i) => node(String(i)));
  assert.equal(layoutGraph(many, [{ from: '0', to: '1' }], undefined, 300).down, false);
});
