// A sentence of the server in the language of the console, its own words on demand.

import { useServerWords } from '@/words/server'

export function Told({ children }: { children: string }) {
  const told = useServerWords().tell(children)
  return told === children ? <>{children}</> : <span title={children}>{told}</span>
}
