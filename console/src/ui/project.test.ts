import { expect, it } from 'vitest'
import { namesOf } from './project'

it('projects are offered by name, the one that was chosen among them', () => {
  const projects = [{ name: 'sales' }, { name: 'default' }]
  expect(namesOf(projects)).toEqual(['default', 'sales'])
  // What the address names may be gone, or not be shown to whoever looks.
  expect(namesOf(projects, 'old')).toEqual(['default', 'old', 'sales'])
  expect(namesOf([], '')).toEqual([])
})
