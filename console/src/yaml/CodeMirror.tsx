// The editor of job files: completion and errors from their schema. Loaded only where it is shown.

import { autocompletion, closeBrackets, closeBracketsKeymap, type CompletionSource, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { json } from '@codemirror/lang-json'
import { yaml } from '@codemirror/lang-yaml'
import { bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { type Diagnostic, forceLinting, linter, lintGutter, lintKeymap } from '@codemirror/lint'
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers, placeholder as placeholderOf } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { useEffect, useRef } from 'react'
import { useAppSelector } from '@/app/store'
import { useWords } from '@/words'
import { check, type Mark } from './check'
import { complete, type Hints, placeAt } from './completion'
import { phrasesIn } from './phrases'
import { says } from './says'
import { describe, type Schema } from './schema'

export interface EditorProps {
  value: string
  onChange?: (text: string) => void
  /** What it is called by a screen reader. */
  label: string
  language?: 'yaml' | 'json' | 'plain'
  schema?: Schema
  hints?: Hints
  /** What the server has against the text. */
  marks?: readonly Mark[]
  placeholder?: string
  height?: string
}

const look = EditorView.theme({
  '&': { fontSize: '0.8125rem', backgroundColor: 'var(--sl-surface)', color: 'var(--mantine-color-text)', height: '100%' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mantine-font-family-monospace)', lineHeight: '1.6', overflow: 'auto' },
  '.cm-content': { padding: '0.6rem 0', caretColor: 'var(--mantine-color-text)' },
  '.cm-gutters': { backgroundColor: 'var(--sl-surface)', color: 'var(--mantine-color-dimmed)', border: 'none', paddingLeft: '0.25rem' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--sl-hover)' },
  '.cm-cursor': { borderLeftColor: 'var(--mantine-color-text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'light-dark(#cfe8e5, #234746)',
  },
  '.cm-selectionMatch': { backgroundColor: 'light-dark(#e6f1ef, #1d3534)' },
  '.cm-matchingBracket': { backgroundColor: 'light-dark(#d3ece9, #1d4a46)', outline: 'none' },
  '.cm-foldGutter span': { color: 'var(--mantine-color-dimmed)' },
  '.cm-tooltip': {
    backgroundColor: 'var(--sl-surface)',
    color: 'var(--mantine-color-text)',
    border: '1px solid var(--sl-line)',
    borderRadius: '5px',
    boxShadow: 'var(--mantine-shadow-md)',
    maxWidth: 'min(32rem, 90vw)',
  },
  '.cm-tooltip-autocomplete ul li': { padding: '0.15rem 0.6rem' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'light-dark(#d3ece9, #14302f)', color: 'var(--mantine-color-text)' },
  '.cm-completionDetail': { color: 'var(--mantine-color-dimmed)', fontStyle: 'normal', marginLeft: '0.75rem' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
  '.cm-diagnostic': { padding: '0.3rem 0.6rem', borderLeftWidth: '4px' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--sl-failed)' },
  '.cm-diagnostic-warning': { borderLeftColor: 'var(--sl-waiting)' },
  '.cm-panels': { backgroundColor: 'var(--sl-sunken)', color: 'var(--mantine-color-text)' },
  '.cm-panel.cm-search input, .cm-panel.cm-search button': { fontSize: '0.8rem' },
  '.cm-placeholder': { color: 'var(--mantine-color-placeholder)' },
  '.cm-hover': { padding: '0.3rem 0.6rem', fontSize: '0.8rem', whiteSpace: 'pre-wrap' },
})

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName), tags.keyword], color: 'light-dark(#0b615a, #7fd1c7)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'light-dark(#7a3e00, #f0b95b)' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'light-dark(#5b4a9e, #b9a9f5)' },
  { tag: [tags.comment, tags.lineComment], color: 'var(--mantine-color-dimmed)', fontStyle: 'italic' },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: 'var(--mantine-color-dimmed)' },
  { tag: [tags.labelName, tags.typeName, tags.meta], color: 'light-dark(#0b5cad, #79b8ff)' },
])

function completionsOf(schema: Schema, hints: Hints | undefined): CompletionSource {
  return (context) => {
    const found = complete(schema, context.state.doc.toString(), context.pos, hints)
    if (!found || found.offers.length === 0) return null
    if (!context.explicit && found.from === context.pos && !/:\s$/.test(context.state.sliceDoc(Math.max(0, context.pos - 2), context.pos))) return null
    const follows = context.state.sliceDoc(found.to, found.to + 1) === ':'
    const line = context.state.doc.lineAt(found.from)
    const indent = /^[\s-]*/.exec(line.text)?.[0].length ?? 0
    return {
      from: found.from,
      to: found.to,
      filter: true,
      options: found.offers.map(({ label, detail, holds, key }) => ({
        label,
        info: detail,
        type: key ? 'property' : 'constant',
        apply: key && !follows ? `${label}:${holds === 'map' ? `\n${' '.repeat(indent + 2)}` : holds === 'list' ? `\n${' '.repeat(indent + 2)}- ` : ' '}` : undefined,
      })),
    }
  }
}

function hoverOf(schema: Schema): Extension {
  return hoverTooltip((view, at) => {
    const place = placeAt(view.state.doc.toString(), at)
    if (!place || place.from === place.to) return null
    const word = view.state.sliceDoc(place.from, place.to)
    const said = describe(schema, place.key ? [...place.path, word] : place.path)
    if (said === undefined) return null
    return {
      pos: place.from,
      end: place.to,
      create: () => {
        const dom = document.createElement('div')
        dom.className = 'cm-hover'
        dom.textContent = said
        return { dom }
      },
    }
  })
}

export function CodeMirror({ value, onChange, label, language = 'yaml', schema, hints, marks, placeholder, height = '60vh' }: EditorProps) {
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | null>(null)
  const say = useWords(says)
  const words = useAppSelector((state) => state.preferences.language)
  const latest = useRef({ onChange, hints, marks, schema, say })
  const checks = useRef(new Compartment())
  useEffect(() => {
    latest.current = { onChange, hints, marks, schema, say }
  })

  useEffect(() => {
    if (!host.current) return
    const writes = latest.current.onChange !== undefined
    const extensions: Extension[] = [
      lineNumbers(),
      foldGutter(),
      drawSelection(),
      bracketMatching(),
      highlightSelectionMatches(),
      syntaxHighlighting(colours),
      look,
      EditorState.phrases.of(phrasesIn(words)),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap]),
      ...(language === 'yaml' ? [yaml()] : language === 'json' ? [json()] : []),
      ...(placeholder ? [placeholderOf(placeholder)] : []),
    ]
    if (writes) {
      extensions.push(history(), closeBrackets(), indentOnInput(), highlightActiveLine(), highlightActiveLineGutter())
      extensions.push(
        EditorView.updateListener.of((update) => {
          if (update.docChanged) latest.current.onChange?.(update.state.doc.toString())
        }),
      )
    } else extensions.push(EditorState.readOnly.of(true))
    if (schema) {
      extensions.push(
        autocompletion({ override: [(context) => completionsOf(schema, (path) => latest.current.hints?.(path))(context)], icons: false }),
        hoverOf(schema),
        lintGutter(),
      )
    }
    extensions.push(
      checks.current.of(
        schema || latest.current.marks
          ? linter(
              (editor): Diagnostic[] => check(editor.state.doc.toString(), latest.current.schema, latest.current.marks, latest.current.say).map((one) => ({ ...one, severity: one.severity ?? 'error' })),
              { delay: 250 },
            )
          : [],
      ),
    )
    const made = new EditorView({ parent: host.current, state: EditorState.create({ doc: value, extensions }) })
    view.current = made
    return () => {
      made.destroy()
      view.current = null
    }
    // The text goes in below, when it is not the editor's own.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [label, language, schema, placeholder, words])

  useEffect(() => {
    const editor = view.current
    if (!editor || editor.state.doc.toString() === value) return
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } })
  }, [value])

  useEffect(() => {
    if (view.current) forceLinting(view.current)
  }, [marks])

  return <div ref={host} style={{ height, minHeight: 0, overflow: 'hidden' }} />
}

export default CodeMirror
