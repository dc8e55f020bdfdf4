// The place of a split as a person reads it: the values of the key, where its token has them.

/** `{"v":1,"key":[{"int":"61400"}]}` is `61400`; what is written otherwise stays as it is. */
export function placeOf(token: string): string {
  try {
    const { key } = JSON.parse(token) as { key?: unknown }
    if (!Array.isArray(key) || key.length === 0) return token
    const values = key.map((part: unknown) => {
      if (part === null) return 'NULL'
      if (typeof part === 'string') return part
      if (typeof part !== 'object') return typeof part === 'number' ? String(part) : null
      const value: unknown = Object.values(part)[0]
      return typeof value === 'string' || typeof value === 'number' ? String(value) : null
    })
    return values.includes(null) ? token : values.join(' · ')
  } catch {
    return token
  }
}
