import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { it } from 'node:test'
import { zipFiles } from '../src/zip-file.ts'

it('makes an archive that other programs unpack, with names, contents and permissions', (t) => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'sampan-zip-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const files = [
    { path: 'plan/README.md', content: '# 方案\n', mode: 0o644 },
    { path: 'plan/scripts/install.sh', content: '#!/bin/sh\necho ok\n', mode: 0o755 },
    { path: 'plan/empty', content: '', mode: 0o644 },
  ]
  writeFileSync(path.join(dir, 'plan.zip'), zipFiles(files))
  // Python is on every machine that runs these tests; it checks sizes and CRCs while it reads.
  const script = `import zipfile,sys
z=zipfile.ZipFile('plan.zip'); assert z.testzip() is None; z.extractall('.')
for i in z.infolist(): print(i.filename, oct(i.external_attr >> 16))`
  const listing = execFileSync('python3', ['-c', script], { cwd: dir, encoding: 'utf8' })
  assert.match(listing, /install\.sh 0o100755/)
  for (const { path: name, content } of files) assert.equal(readFileSync(path.join(dir, name), 'utf8'), content)
  assert.ok(statSync(path.join(dir, 'plan.zip')).size > 0)
})
