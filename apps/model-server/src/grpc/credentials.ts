import { createSecureContext, type TlsOptions } from 'node:tls'

/** `--ssl_config_file`, as read: PEM texts. */
export interface SslConfig {
  serverKey: string
  serverCert: string
  /** Whose clients are trusted; those that the machine trusts unless given. */
  customCa?: string | undefined
  /** Whether a client must show a certificate. */
  clientVerify: boolean
}

/** How TLS is spoken. Throws for a key or a certificate that cannot be read. */
export function tlsOptions(
  { serverKey, serverCert, customCa, clientVerify }: SslConfig,
  handshakeMsMax: number,
): TlsOptions {
  const pair = { key: serverKey, cert: serverCert, ...(customCa && { ca: customCa }) }
  createSecureContext(pair)
  return {
    ...pair,
    requestCert: clientVerify,
    rejectUnauthorized: clientVerify,
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.2',
    handshakeTimeout: handshakeMsMax,
  }
}
