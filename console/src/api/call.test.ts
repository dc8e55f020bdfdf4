import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { call } from './call'

describe('a request', () => {
  it('is made of an operation of the document', () => {
    expect(call('get', '/runs/{id}/logs', { path: { id: 'a/b' }, query: { last: 5, level: null } })).toEqual({ path: '/runs/a%2Fb/logs', query: { last: 5, level: null } })
    expect(call('post', '/jobs/{name}/clone', { path: { name: 'orders' }, body: { name: 'again' } })).toEqual({ path: '/jobs/orders/clone', method: 'POST', body: { name: 'again' } })
    expect(call('delete', '/connections/{name}', { path: { name: 'x' }, ifMatch: 3 })).toEqual({ path: '/connections/x', method: 'DELETE', ifMatch: 3 })
    expect(call('get', '/overview')).toEqual({ path: '/overview' })
  })

  it('does not compile when the document has nothing of the kind', () => {
    const compiles = () => {
      // @ts-expect-error no such path
      call('get', '/runz')
      // @ts-expect-error no such method there
      call('put', '/runs/{id}', { path: { id: 'a' } })
      // @ts-expect-error its part is missing
      call('get', '/runs/{id}')
      // @ts-expect-error it is asked by another name
      call('get', '/runs', { query: { jop: 'x' } })
      // @ts-expect-error something else is sent
      call('post', '/jobs/{name}/clone', { path: { name: 'a' }, body: { named: 'b' } })
      // @ts-expect-error nothing is sent there
      call('post', '/runs/{id}/pause', { path: { id: 'a' }, body: { why: 'b' } })
    }
    expect(compiles).toBeTypeOf('function')
  })

  it('is made so wherever the console asks', () => {
    for (const file of ['admin', 'connections', 'jobs', 'projects', 'runs', 'session']) {
      const source = readFileSync(new URL(`./${file}.ts`, import.meta.url), 'utf8')
      expect(source.match(/path: ['`]\//g) ?? [], `paths by hand in ${file}.ts`).toEqual([])
    }
  })
})
