import { Page } from '@/ui/pieces'

export function Component() {
  return <Page title="NewJob">{null}</Page>
}
