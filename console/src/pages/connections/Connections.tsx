import { Page } from '@/ui/pieces'

export function Component() {
  return <Page title="Connections">{null}</Page>
}
