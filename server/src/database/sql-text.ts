/** Reading SQL text just well enough to find its statements and placeholders: quotes and comments are stepped over. */

/** Strings, quoted names, comments, PostgreSQL's E'…' and $tag$…$tag$. Whatever lies between matches is code. */
const QUOTED =
  /[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|--[^\n]*|\/\*[\s\S]*?\*\/|(\$(?:[A-Za-z_]\w*)?\$)[\s\S]*?\1/g

type Piece = { readonly text: string; readonly isCode: boolean }

function* pieces(sql: string): Generator<Piece> {
  let end = 0
  for (const match of sql.matchAll(QUOTED)) {
    if (match.index > end) yield { text: sql.slice(end, match.index), isCode: true }
    yield { text: match[0], isCode: false }
    end = match.index + match[0].length
  }
  if (end < sql.length) yield { text: sql.slice(end), isCode: true }
}

/** Turns `?` into `$1`, `$2`, … for PostgreSQL, and `??` into its operator `?`. */
export function numberPlaceholders(sql: string): string {
  let count = 0
  const number = (mark: string) => {
    if (mark === '??') return '?'
    count += 1
    return `$${count}`
  }
  let numbered = ''
  for (const { text, isCode } of pieces(sql)) numbered += isCode ? text.replaceAll(/\?\??/g, number) : text
  return numbered
}

/** Words that open and close the body of a trigger or procedure, whose semicolons do not end the statement. */
const BODY_WORDS = /;|\b(?:BEGIN|CASE|END)\b/gi
const HAS_BODY =
  /^\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMP(?:ORARY)?\s+)?(?:DEFINER\s*=\s*\S+\s+)?(?:TRIGGER|PROCEDURE|FUNCTION)\b/i

/** The statements of a script, without their semicolons; comments stay where they are, empty statements go. */
export function splitStatements(sql: string): string[] {
  const statements: string[] = []
  let text = ''
  let code = ''
  let depth = 0

  const finish = () => {
    if (code.trim()) statements.push(text.trim())
    text = ''
    code = ''
    depth = 0
  }
  const append = (part: string) => {
    text += part
    code += part
  }

  for (const piece of pieces(sql)) {
    if (!piece.isCode) {
      text += piece.text
      if (!piece.text.startsWith('--') && !piece.text.startsWith('/*')) code += ' quoted '
      continue
    }
    let end = 0
    for (const { 0: word, index } of piece.text.matchAll(BODY_WORDS)) {
      append(piece.text.slice(end, index))
      end = index + word.length
      if (word === ';' && depth === 0) finish()
      else {
        append(word)
        if (HAS_BODY.test(code)) depth = Math.max(0, depth + bodyStep(word))
      }
    }
    append(piece.text.slice(end))
  }
  finish()
  return statements
}

const bodyStep = (word: string) => (word === ';' ? 0 : word.toUpperCase() === 'END' ? -1 : 1)
