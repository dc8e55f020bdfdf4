import { describe, expect, it } from 'vitest'
import { ANYWHERE, may } from './session'

describe('who may do what', () => {
  const ann = { name: 'ann', role: 'member' as const, projects: { sales: 'operator' as const } }
  const bob = { name: 'bob', role: 'editor' as const, projects: {} }

  it('goes by the role that counts everywhere', () => {
    expect(may(bob, 'operator')).toBe(true)
    expect(may(bob, 'editor', 'sales')).toBe(true)
    expect(may(bob, 'admin', ANYWHERE)).toBe(false)
    expect(may(null, 'viewer')).toBe(false)
  })

  it('and by that in a project, there and nowhere else', () => {
    expect(may(ann, 'operator', 'sales')).toBe(true)
    expect(may(ann, 'viewer', 'sales')).toBe(true)
    expect(may(ann, 'editor', 'sales')).toBe(false)
    expect(may(ann, 'viewer', 'default')).toBe(false)
    expect(may(ann, 'viewer')).toBe(false)
    expect(may(ann, 'operator', ANYWHERE)).toBe(true)
    expect(may(ann, 'editor', ANYWHERE)).toBe(false)
    // A name that every object has is no project.
    expect(may(ann, 'viewer', 'toString')).toBe(false)
  })
})
