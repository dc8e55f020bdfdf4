// A job file as text that a form may change: what the form does not know, and what somebody wrote
// beside it (comments, order, style), stays where it is.

import { Document, isAlias, isCollection, isMap, isNode, isPair, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, YAMLMap, type YAMLSeq } from 'yaml'

export type Path = readonly (string | number)[]
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain }

export interface TextProblem {
  /** Offsets in the text. */
  from: number
  to: number
  message: string
  /** The parser's own name of it. */
  code?: string
  line: number
  column: number
}
export interface Reading {
  /** What the text says; `null` where it is no YAML. */
  value: Plain | undefined
  problems: TextProblem[]
}

const SHAPE = { lineWidth: 0, indent: 2, flowCollectionPadding: true } as const

export function read(text: string): Reading {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    return {
      value: undefined,
      problems: document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0])
        return { from: error.pos[0], to: error.pos[1], message: error.message, code: error.code, line, column: col }
      }),
    }
  }
  try {
    return { value: document.toJS() as Plain, problems: [] }
  } catch (error) {
    // An alias without an anchor, or too many of them.
    const message = error instanceof Error ? error.message : String(error)
    return { value: undefined, problems: [{ from: 0, to: text.length, message, line: 1, column: 1 }] }
  }
}

/** The text with this value at this place. A text that is no YAML stays as it is. */
export function put(text: string, path: Path, value: Plain | undefined): string {
  return change(text, (document) => {
    if (value === undefined) remove(document, path)
    else set(document, path, value)
  })
}

/** Several at once, in order. */
export function putAll(text: string, changes: readonly (readonly [Path, Plain | undefined])[]): string {
  return change(text, (document) => {
    for (const [path, value] of changes) {
      if (value === undefined) remove(document, path)
      else set(document, path, value)
    }
  })
}

export function get(value: Plain | undefined, path: Path): Plain | undefined {
  let here: Plain | undefined = value
  for (const key of path) {
    if (Array.isArray(here)) here = here[Number(key)]
    else if (typeof here === 'object' && here !== null) here = Object.hasOwn(here, key) ? here[key] : undefined
    else return undefined
  }
  return here
}

export function same(a: Plain | undefined, b: Plain | undefined): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((one, i) => same(one, b[i]))
  }
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]))
}

export function write(value: Plain): string {
  return new Document(value).toString(SHAPE)
}

/** Where in the text something stands, for marks in an editor. The key of a map's entry, if asked. */
export function rangeOf(text: string, path: Path, ofKey = false): { from: number; to: number } | null {
  const document = parseDocument(text, { prettyErrors: false })
  let node: unknown = document.contents
  let key: unknown = null
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find((one) => keyText(one) === String(part))
      if (!pair) break
      key = pair.key
      node = pair.value ?? pair.key
    } else if (isSeq(node)) {
      key = null
      node = node.items[Number(part)]
    } else break
  }
  const range = ofKey && isNode(key) ? key.range : isNode(node) ? node.range : null
  return range ? { from: range[0], to: Math.max(range[1], range[0] + 1) } : null
}

function change(text: string, how: (document: Document) => void): string {
  const document = parseDocument(text, { prettyErrors: false })
  if (document.errors.length > 0) return text
  const before = document.toJS() as Plain
  how(document)
  return same(before, document.toJS() as Plain) ? text : document.toString(SHAPE)
}

function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key)
}

function set(document: Document, path: Path, value: Plain): void {
  if (path.length === 0) {
    document.contents = fresh(document, value)
    return
  }
  const doc = document
  if (!isCollection(doc.contents)) doc.contents = new YAMLMap(doc.schema)
  const there = doc.getIn(path, true)
  if (isNode(there) && reconcile(doc, there, value)) return
  // What is in the way (a text where a map has to be) gives way.
  for (let depth = 1; depth < path.length; depth += 1) {
    const parent = doc.getIn(path.slice(0, depth), true)
    if (parent !== undefined && !isCollection(parent)) doc.deleteIn(path.slice(0, depth))
  }
  doc.setIn(path, fresh(doc, value))
}

function fresh(document: Document, value: Plain): Node {
  return document.createNode(value, { aliasDuplicateObjects: false })
}

function remove(document: Document, path: Path): void {
  if (!document.hasIn(path)) return
  document.deleteIn(path)
  // A section that holds nothing any more goes, too; those that a job cannot be without stay.
  for (let depth = path.length - 1; depth >= 1; depth -= 1) {
    const above = path.slice(0, depth)
    const parent = document.getIn(above, true)
    if (!isCollection(parent) || parent.items.length > 0 || parent.comment) return
    if (depth === 1 && (above[0] === 'source' || above[0] === 'sink')) return
    document.deleteIn(above)
  }
}

/** Makes a node say `value` and keeps as much of it as it can; `false` where it has to be made anew. */
function reconcile(document: Document, node: Node, value: Plain): boolean {
  if (isAlias(node)) return same(node.toJS(document) as Plain, value)
  if (isScalar(node)) {
    if (typeof value === 'object' && value !== null) return false
    if (node.value === value) return true
    if (node.tag !== undefined || node.anchor !== undefined) return false
    node.value = value
    delete node.source
    delete node.format
    return true
  }
  if (isMap(node) && typeof value === 'object' && value !== null && !Array.isArray(value)) {
    reconcileMap(document, node, value)
    return true
  }
  if (isSeq(node) && Array.isArray(value)) {
    reconcileSeq(document, node, value)
    return true
  }
  return false
}

function reconcileMap(document: Document, node: YAMLMap, value: { [key: string]: Plain }): void {
  node.items = node.items.filter((pair) => !isPair(pair) || Object.hasOwn(value, keyText(pair)))
  for (const [key, one] of Object.entries(value)) {
    const pair = node.items.find((there) => keyText(there) === key)
    if (!pair) node.items.push(document.createPair(key, one))
    else if (!isNode(pair.value) || !reconcile(document, pair.value, one)) pair.value = fresh(document, one)
  }
  const order = Object.keys(value)
  node.items.sort((a, b) => order.indexOf(keyText(a)) - order.indexOf(keyText(b)))
}

function reconcileSeq(document: Document, node: YAMLSeq, value: Plain[]): void {
  const left = [...node.items] as Node[]
  const says = (item: Node) => (isNode(item) ? (item.toJS(document) as Plain) : (item as Plain))
  const made: (Node | null)[] = value.map((one) => {
    const at = left.findIndex((item) => same(says(item), one))
    return at < 0 ? null : (left.splice(at, 1)[0] ?? null)
  })
  // What is no longer there but stood at the same place was most likely edited.
  const before = [...node.items] as Node[]
  node.items = made.map((item, i) => {
    if (item) return item
    const one = value[i] as Plain
    const there = before[i]
    if (there && left.includes(there) && isNode(there) && reconcile(document, there, one)) {
      left.splice(left.indexOf(there), 1)
      return there
    }
    return fresh(document, one)
  })
}
