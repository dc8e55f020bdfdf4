import { Page } from '@/ui/pieces'

export function Component() {
  return <Page title="Verification">{null}</Page>
}
