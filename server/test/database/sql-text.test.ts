import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { numberPlaceholders, splitStatements } from '../../src/database/sql-text.ts'

describe('reading SQL text', () => {
  // biome-ignore format: a table keeps its columns
  const NUMBERED = [
    ['SELECT ? + ?',                          'SELECT $1 + $2'],
    ["SELECT '?', 'it''s ?', ?",              "SELECT '?', 'it''s ?', $1"],
    ['SELECT "a?" FROM t WHERE b = ?',        'SELECT "a?" FROM t WHERE b = $1'],
    ['SELECT 1 -- why?\n, ?',                 'SELECT 1 -- why?\n, $1'],
    ['SELECT /* ? */ ?',                      'SELECT /* ? */ $1'],
    ["SELECT E'\\'?', ?",                     "SELECT E'\\'?', $1"],
    ['SELECT $$ ? $$, $a$ ? $a$, ?',          'SELECT $$ ? $$, $a$ ? $a$, $1'],
    ["SELECT data ?? 'key' AND a = ?",        "SELECT data ? 'key' AND a = $1"],
  ] as const

  for (const [sql, numbered] of NUMBERED)
    it(`numbers the placeholders of ${sql.replaceAll('\n', ' ')}`, () =>
      assert.equal(numberPlaceholders(sql), numbered))

  it('splits a script at the semicolons that end statements', () => {
    const script = `-- first; not here
      CREATE TABLE a (t TEXT DEFAULT ';');
      INSERT INTO a VALUES ('x;''y'); ;
      -- only a comment
    `
    assert.deepEqual(
      splitStatements(script).map((sql) => sql.replaceAll(/\s+/g, ' ')),
      ["-- first; not here CREATE TABLE a (t TEXT DEFAULT ';')", "INSERT INTO a VALUES ('x;''y')"],
    )
  })

  it('keeps the body of a trigger together', () => {
    const trigger = `CREATE TRIGGER t AFTER INSERT ON a BEGIN
        UPDATE b SET n = CASE WHEN n > 1 THEN 0 ELSE n END;
        DELETE FROM c;
      END`
    assert.deepEqual(splitStatements(`${trigger}; SELECT 1;`), [trigger, 'SELECT 1'])
  })

  it('does not take BEGIN and END of other statements for a body', () => {
    assert.deepEqual(splitStatements('CREATE TABLE t (a INT); BEGIN; SELECT 1; END; SELECT 2').length, 5)
  })
})
