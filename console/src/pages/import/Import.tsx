// Jobs from a text: our own YAML or JSON, or a job of DataX; pasted, dropped or chosen.

import { Button, FileButton, Group, Select, Stack } from '@mantine/core'
import { type DragEvent, useEffect, useState } from 'react'
import { Link, useSearchParams } from 'react-router'
import { useImportJobsMutation } from '@/api/jobs'
import { words as shellWords } from '@/layout/words'
import { Icon } from '@/ui/Icon'
import { ErrorNote, Note } from '@/ui/notes'
import { Do, Page, Panel } from '@/ui/pieces'
import { useProjectNames } from '@/ui/project'
import { DEFAULT_PROJECT } from '@/ui/ProjectTag'
import { Told } from '@/ui/Told'
import { defineWords, plural, useWords } from '@/words'
import { shared } from '@/words/shared'
import { Editor } from '@/yaml/Editor'
import { useJobSchema } from '@/yaml/jobSchema'

const words = defineWords(
  {
    title: 'Import jobs',
    sub: 'A job file in YAML or JSON, several of them parted by ---, or a job of DataX.',
    text: 'Text of the jobs',
    choose: 'Choose a file',
    drop: 'or drop one on the editor, or paste its text.',
    go: 'Import',
    kinds: { datax: 'This is a DataX job.', ours: 'This is a job file.', none: '' },
    made: (n: number) => `${n} ${plural(n, 'job', 'jobs')} imported`,
    notes: 'What you should know',
    another: 'Import another',
    tooLarge: 'The file is larger than 4 MiB.',
  },
  {
    title: '导入作业',
    sub: 'YAML 或 JSON 作业文件（可用 --- 分隔多个），或 DataX 作业。',
    text: '作业文本',
    choose: '选择文件',
    drop: '或拖放到编辑器，或直接粘贴文本。',
    go: '导入',
    kinds: { datax: '这是 DataX 作业。', ours: '这是作业文件。', none: '' },
    made: (n: number) => `已导入 ${n} 个作业`,
    notes: '需要了解',
    another: '继续导入',
    tooLarge: '文件超过 4 MiB。',
  },
)

const KEY = 'syncline.import'
const MOST = 4 * 1024 * 1024

/** A job of DataX has `job.content` with readers and writers. */
export function kindOf(text: string): 'datax' | 'ours' | 'none' {
  if (text.trim() === '') return 'none'
  return /^\s*\{/.test(text) && /"content"\s*:/.test(text) && /"(reader|writer)"\s*:/.test(text) ? 'datax' : 'ours'
}

function kept(): string {
  try {
    return sessionStorage.getItem(KEY) ?? ''
  } catch {
    return ''
  }
}

export function Component() {
  const w = useWords(words)
  const s = useWords(shared)
  const shell = useWords(shellWords)
  const [search, setSearch] = useSearchParams()
  const project = search.get('project') ?? ''
  const projects = useProjectNames(project, 'editor')
  const [text, setText] = useState(kept)
  const [large, setLarge] = useState(false)
  const [run, { data, error, isLoading, reset }] = useImportJobsMutation()
  const schema = useJobSchema()
  const kind = kindOf(text)
  useEffect(() => {
    try {
      sessionStorage.setItem(KEY, text)
    } catch {
      // Not kept over a reload, then.
    }
  }, [text])
  const take = async (file: File | null | undefined) => {
    if (!file) return
    setLarge(file.size > MOST)
    if (file.size <= MOST) setText(await file.text())
  }
  const submit = async () => {
    await run({ text, ...(project === '' ? {} : { project }) }).unwrap()
    setText('')
  }
  return (
    <Page title={w.title} sub={w.sub} crumbs={[{ to: '/jobs', title: shell.pages.jobs }]}>
      {data ? (
        <>
          <Note tone="finished" title={w.made(data.jobs.length)} role="status">
            {data.jobs.map((job) => {
              const name = typeof job === 'string' ? job : job.name
              return (
                <p key={name}>
                  <Link to={`/jobs/${encodeURIComponent(name)}`}>{name}</Link>
                </p>
              )
            })}
          </Note>
          {data.notes.length > 0 && (
            <Panel title={w.notes}>
              <ul style={{ margin: 0, paddingInlineStart: '1.2rem' }}>
                {data.notes.map((note) => (
                  <li key={note}>
                    <Told>{note}</Told>
                  </li>
                ))}
              </ul>
            </Panel>
          )}
          <Button variant="default" onClick={reset} style={{ alignSelf: 'flex-start' }}>
            {w.another}
          </Button>
        </>
      ) : (
        <Stack gap="sm">
          {projects.length > 1 && (
            <Select
              label={s.project}
              data={projects}
              value={project || DEFAULT_PROJECT}
              onChange={(next) => setSearch(next === null || next === DEFAULT_PROJECT ? {} : { project: next }, { replace: true })}
              allowDeselect={false}
              searchable={projects.length > 8}
              maw={260}
            />
          )}
          <Group gap="sm">
            <FileButton onChange={(file) => void take(file)} accept=".yaml,.yml,.json,.txt">
              {(props) => (
                <Button {...props} variant="default" leftSection={<Icon name="upload" size={14} />}>
                  {w.choose}
                </Button>
              )}
            </FileButton>
            <span style={{ color: 'var(--mantine-color-dimmed)' }}>{w.drop}</span>
          </Group>
          <div
            onDragOver={(event: DragEvent) => event.preventDefault()}
            onDropCapture={(event: DragEvent) => {
              if (event.dataTransfer.files.length === 0) return
              event.preventDefault()
              event.stopPropagation()
              void take(event.dataTransfer.files[0])
            }}
          >
            <Editor key={kind === 'datax' ? 'json' : 'yaml'} value={text} onChange={setText} label={w.text} language={kind === 'datax' ? 'json' : 'yaml'} schema={kind !== 'ours' || /^---/m.test(text) ? undefined : schema} height="min(55vh, 34rem)" />
          </div>
          {large && <Note tone="failed">{w.tooLarge}</Note>}
          {error && <ErrorNote error={error} />}
          <Group justify="flex-end" gap="sm">
            <span style={{ color: 'var(--mantine-color-dimmed)' }} role="status">
              {w.kinds[kind]}
            </span>
            <Do label={w.go} icon="upload" variant="filled" needs="editor" where={project || DEFAULT_PROJECT} disabled={kind === 'none'} loading={isLoading} onClick={() => void submit().catch(() => null)} />
          </Group>
        </Stack>
      )}
    </Page>
  )
}
