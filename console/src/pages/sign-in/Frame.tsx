import { Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import type { ReactNode } from 'react'
import { Appearance } from '@/layout/Appearance'
import layout from '@/layout/layout.module.css'
import { Mark } from '@/ui/Icon'
import ui from '@/ui/ui.module.css'

/** A page without the console's frame: for those who are not signed in yet. */
export function Frame({ title, children }: { title: string; children: ReactNode }) {
  useDocumentTitle(`${title} · Syncline`)
  return (
    <main className={layout.full}>
      <div className={layout.corner}>
        <Appearance />
      </div>
      <div className={layout.brand}>
        <Mark size={30} />
        <span style={{ fontSize: '1.35rem' }}>Syncline</span>
      </div>
      <div className={`${ui.panel} ${layout.card}`}>
        <Title order={1} mb="sm">
          {title}
        </Title>
        {children}
      </div>
    </main>
  )
}
