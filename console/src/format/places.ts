// Where data lies, short enough for a table.

/** `mysql://sync@db1:3306/shop?tls=required` is `db1/shop`; what is no URL is the end of a path. */
export function place(address: string): string {
  const url = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/@]*@)?([^/?#]*)([^?#]*)/i.exec(address)
  if (!url) {
    const path = address.replace(/^[a-z][a-z0-9+.-]*:/i, '').replace(/[?#].*$/, '')
    const parts = path.split('/').filter(Boolean)
    return parts.length > 2 ? `…/${parts.slice(-2).join('/')}` : path || address
  }
  const hosts = (url[1] ?? '').split(',').map((host) => host.replace(/:\d+$/, ''))
  const first = hosts.length > 1 ? `${hosts[0]}+${hosts.length - 1}` : (hosts[0] ?? '')
  return `${first}${(url[2] ?? '').replace(/\/+$/, '')}` || address
}
