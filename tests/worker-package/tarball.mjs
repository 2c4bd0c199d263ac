// What is in the tarball.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { SDK, VERSION, WORKER, WORKSHOP, filesOf, run } from './lib.mjs';
import { suite } from '../worker/lib/runner.mjs';
import { TOP } from '../worker/lib/wrangler.mjs';

const FILES = [
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'SECURITY.md',
  ...[
    'dev',
    'difference',
    'errors',
    'gwop-worker',
    'init',
    'jsonc',
    'project',
    'toml',
    'versions',
  ].map((name) => `cli/${name}.js`),
  'docs/worker.md',
  'index.d.ts',
  'index.js',
  'models.d.ts',
  'package.json',
  'worker/entry.js',
  'worker/index.js',
  'worker/index_bg.wasm',
];

suite('tarball', async ({ test }) => {
  const root = join(WORKSHOP, 'node_modules/@gwop/worker');
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

  test('it holds these files and no other', () => {
    assert.deepEqual(Object.keys(filesOf(root)).sort(), [...FILES].sort());
  });

  test('it brings no package and runs nothing where it is installed', () => {
    for (const member of ['dependencies', 'optionalDependencies', 'bundleDependencies', 'scripts'])
      assert.ok(!(member in manifest), member);
    assert.deepEqual(manifest.peerDependenciesMeta, { '@gwop/sdk': { optional: true } });
  });

  test('it holds the very Worker that `wrangler.toml` deploys', () => {
    for (const name of ['entry.js', 'index.js', 'index_bg.wasm']) {
      assert.ok(
        readFileSync(join(root, 'worker', name)).equals(
          readFileSync(join(TOP, 'dist/worker', name)),
        ),
        name,
      );
    }
  });

  test('its version is that of @gwop/sdk, and its peer no older', () => {
    const sdk = JSON.parse(
      readFileSync(join(WORKSHOP, 'node_modules/@gwop/sdk/package.json'), 'utf8'),
    );
    assert.deepEqual(
      [manifest.version, sdk.version, manifest.peerDependencies['@gwop/sdk']],
      [VERSION, VERSION, `^${VERSION}`],
    );
  });

  test('the release checks take both tarballs, and refuse one of another version', async () => {
    const check = (version) =>
      run(process.execPath, [join(TOP, 'pkg-templates/release.mjs'), SDK, version, TOP, WORKER]);
    const good = await check(VERSION);
    assert.equal(good.code, 0, good.said);
    assert.match(good.said, /package\/worker\/index_bg\.wasm/);
    const other = await check('99.0.0');
    assert.equal(other.code, 1);
    assert.match(other.said, /@gwop\/worker: package\.json is @gwop\/worker/);
    assert.match(other.said, /@gwop\/worker takes @gwop\/sdk/);
    await check(VERSION);
  });
});
