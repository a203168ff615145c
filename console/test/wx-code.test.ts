import assert from 'node:assert/strict'
import { it } from 'node:test'
import { findCode, toSource } from '../src/wx-code.ts'

it('writes MongoDB operators as CloudBase commands', () => {
  assert.equal(
    toSource({ price: { $gt: 5, $lte: 9 }, name: "O'Neil" }),
    "{ price: _.gt(5).and(_.lte(9)), name: 'O\\'Neil' }",
  )
  assert.equal(toSource({ tag: { $in: ['a', 1] }, 'a.b': null }), "{ tag: _.in(['a', 1]), 'a.b': null }")
})

it('writes a query as the code of a mini program', () => {
  const code = findCode('rooms', { price: { $gt: 5 } }, { createdAt: -1 })
  for (const part of ["db.collection('rooms')", '_.gt(5)', "orderBy('createdAt', 'desc')", 'const _ = db.command']) {
    assert.ok(code.includes(part), part)
  }
})

it('cannot be talked into writing code by a value', () => {
  const code = findCode("x'); process.exit('", { a: "'); alert(1); ('" })
  assert.ok(code.includes("\\'); process.exit(\\'"))
  assert.ok(code.includes("\\'); alert(1); (\\'"))
})
