// An OpenID provider for oidc_check.py: its own pages to sign in, which let everybody in.
// node oidc_provider.mjs MODULE PORT CALLBACK SECRET
const [module, port, callback, secret] = process.argv.slice(2);
const { Provider } = await import(module);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'kubeflow', client_secret: secret, redirect_uris: [callback] }],
  features: { devInteractions: { enabled: true } },
  cookies: { keys: [secret] },
  pkce: { required: () => false },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  async loadExistingGrant({ oidc }) { // nobody is asked to consent
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid');
    await grant.save();
    return grant;
  }
});
provider.listen(Number(port), '127.0.0.1');
