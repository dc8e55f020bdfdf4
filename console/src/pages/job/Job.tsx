import { Page } from '@/ui/pieces'

export function Component() {
  return <Page title="Job">{null}</Page>
}
