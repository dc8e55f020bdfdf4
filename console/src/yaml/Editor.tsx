// The editor as pages use it: its code comes when it is first shown.

import { lazy, Suspense } from 'react'
import { Loading } from '@/ui/notes'
import type { EditorProps } from './CodeMirror'
import classes from './yaml.module.css'

const CodeMirror = lazy(() => import('./CodeMirror'))

export function Editor(props: EditorProps) {
  return (
    <div className={classes.editor} style={{ height: props.height ?? '60vh' }}>
      <Suspense fallback={<Loading rows={8} />}>
        <CodeMirror {...props} height="100%" />
      </Suspense>
    </div>
  )
}
