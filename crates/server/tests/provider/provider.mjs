// A real provider of sign-ins, for tests: node-oidc-provider with a handful of people.
// node provider.mjs PORT REDIRECT_URI [id-token]    prints "ready" once it listens.
import Provider from 'oidc-provider'

const [port, redirect, inIdToken] = process.argv.slice(2)
const people = {
  anna: { preferred_username: 'anna', roles: ['staff', 'data-admins'] },
  vera: { preferred_username: 'vera', roles: ['staff'] },
  gast: { preferred_username: 'gast', roles: ['guests'] },
  local: { preferred_username: 'local', roles: ['staff'] },
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: 'syncline',
      client_secret: 'a secret: with & = + % in it',
      redirect_uris: [redirect],
    },
  ],
  claims: { openid: ['sub'], profile: ['preferred_username', 'roles'], email: ['email'] },
  // Then everything is in the ID token; else it has to be asked for.
  conformIdTokenClaims: inIdToken !== 'id-token',
  pkce: { required: () => true },
  cookies: { keys: ['for a test'] },
  async findAccount(_, id) {
    return people[id] && { accountId: id, claims: async () => ({ sub: `subject-${id}`, ...people[id] }) }
  },
})
provider.on('server_error', (_, error) => console.error(error))
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'))
// Whoever has started it is gone.
process.stdin.on('end', () => process.exit()).resume()
