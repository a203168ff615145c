/** The expressions of CloudBase's security rules, as a tree. */

export type RuleExpression =
  | { readonly kind: 'value'; readonly value: null | boolean | number | string }
  | { readonly kind: 'list'; readonly items: readonly RuleExpression[] }
  /** `doc.a.b`, `auth.openid`, `request.data.x`, `now`; a part may be an expression in brackets. */
  | { readonly kind: 'path'; readonly root: string; readonly parts: readonly RuleExpression[] }
  | { readonly kind: 'get'; readonly place: RuleExpression; readonly parts: readonly RuleExpression[] }
  | { readonly kind: 'template'; readonly parts: readonly RuleExpression[] }
  | { readonly kind: 'not'; readonly of: RuleExpression }
  | { readonly kind: 'and' | 'or'; readonly left: RuleExpression; readonly right: RuleExpression }
  | {
      readonly kind: 'compare'
      readonly operator: Comparison
      readonly left: RuleExpression
      readonly right: RuleExpression
    }

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in'

export const RULE_CHARACTERS_LIMIT = 1024
const NESTING_LIMIT = 32

const ROOTS = new Set(['auth', 'doc', 'request', 'now', 'resource'])

/** @throws {Error} saying what is wrong, and where */
export function parseRule(text: string): RuleExpression {
  if (text.length > RULE_CHARACTERS_LIMIT) throw new Error(`a rule may have ${RULE_CHARACTERS_LIMIT} characters`)
  const parser = new RuleParser(tokenize(text))
  return parser.parseAll()
}

type Token = {
  readonly kind: 'name' | 'number' | 'text' | 'template' | 'sign' | 'end'
  readonly text: string
  readonly at: number
}

const TOKEN =
  /\s+|(?<name>[A-Za-z_$][\w$]*)|(?<number>\d+(?:\.\d+)?)|(?<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|(?<template>`(?:\\.|[^`\\])*`)|(?<sign>===?|!==?|<=|>=|&&|\|\||[<>!()[\].,-])/gy

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex
    const groups = TOKEN.exec(text)?.groups
    if (!groups) throw new Error(`unexpected character at ${at + 1}`)
    const [kind, found] = Object.entries(groups).find(([, value]) => value !== undefined) ?? []
    if (kind && found !== undefined) tokens.push({ kind: kind as Token['kind'], text: found, at }) // safe: the groups are named so
  }
  return [...tokens, { kind: 'end', text: '', at: text.length }]
}

class RuleParser {
  readonly #tokens: readonly Token[]
  #place = 0
  #depth = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  parseAll(): RuleExpression {
    const expression = this.#or()
    if (this.#peek().kind !== 'end') this.#fail('expected the end')
    return expression
  }

  #peek = (): Token => this.#tokens[this.#place] ?? { kind: 'end', text: '', at: 0 }

  #take(text: string): boolean {
    if (this.#peek().kind !== 'sign' || this.#peek().text !== text) return false
    this.#place++
    return true
  }

  #expect(text: string) {
    if (!this.#take(text)) this.#fail(`expected ${text}`)
  }

  #fail(what: string): never {
    throw new Error(`${what} at ${this.#peek().at + 1}`)
  }

  #or(): RuleExpression {
    if (++this.#depth > NESTING_LIMIT) this.#fail('nested too deeply')
    let left = this.#and()
    while (this.#take('||')) left = { kind: 'or', left, right: this.#and() }
    this.#depth--
    return left
  }

  #and(): RuleExpression {
    let left = this.#comparison()
    while (this.#take('&&')) left = { kind: 'and', left, right: this.#comparison() }
    return left
  }

  #comparison(): RuleExpression {
    const left = this.#unary()
    const { kind, text } = this.#peek()
    const operator = kind === 'name' && text === 'in' ? 'in' : kind === 'sign' ? COMPARISONS[text] : undefined
    if (!operator) return left
    this.#place++
    return { kind: 'compare', operator, left, right: this.#unary() }
  }

  #unary(): RuleExpression {
    if (this.#take('!')) return { kind: 'not', of: this.#unary() }
    return this.#primary()
  }

  #primary(): RuleExpression {
    if (this.#take('(')) {
      const inner = this.#or()
      this.#expect(')')
      return inner
    }
    if (this.#take('[')) return { kind: 'list', items: this.#list(']') }
    const isNegative = this.#take('-')
    const token = this.#peek()
    this.#place++
    if (token.kind === 'number') return { kind: 'value', value: Number(token.text) * (isNegative ? -1 : 1) }
    if (isNegative) this.#fail('expected a number')
    if (token.kind === 'text') return { kind: 'value', value: unquote(token.text) }
    if (token.kind === 'template') return parseTemplate(unquote(token.text))
    if (token.kind !== 'name') this.#fail('expected a value')
    return this.#named(token.text)
  }

  #named(name: string): RuleExpression {
    if (name === 'true' || name === 'false') return { kind: 'value', value: name === 'true' }
    if (name === 'null' || name === 'undefined') return { kind: 'value', value: null }
    if (name === 'get') {
      this.#expect('(')
      const place = this.#or()
      this.#expect(')')
      return { kind: 'get', place, parts: this.#parts() }
    }
    if (!ROOTS.has(name)) this.#fail(`${name} is unknown; expected auth, doc, request, now or get()`)
    return { kind: 'path', root: name === 'resource' ? 'doc' : name, parts: this.#parts() }
  }

  #parts(): RuleExpression[] {
    const parts: RuleExpression[] = []
    for (;;) {
      if (this.#take('.')) {
        const token = this.#peek()
        if (token.kind !== 'name' && token.kind !== 'number') this.#fail('expected a field')
        this.#place++
        parts.push({ kind: 'value', value: token.text })
      } else if (this.#take('[')) {
        parts.push(this.#or())
        this.#expect(']')
      } else return parts
    }
  }

  #list(end: string): RuleExpression[] {
    const items: RuleExpression[] = []
    if (this.#take(end)) return items
    do items.push(this.#or())
    while (this.#take(','))
    this.#expect(end)
    return items
  }
}

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  '==': '==',
  '===': '==',
  '!=': '!=',
  '!==': '!=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
}

const unquote = (text: string) => text.slice(1, -1).replace(/\\(.)/gs, '$1')

/** `text ${expression} text`. */
function parseTemplate(text: string): RuleExpression {
  const parts: RuleExpression[] = []
  for (const [index, part] of text.split(/\$\{([^}]*)\}/).entries()) {
    if (index % 2) parts.push(parseRule(part))
    else if (part) parts.push({ kind: 'value', value: part })
  }
  return { kind: 'template', parts }
}
