/** Finds secrets in text by the formats that services give them. */

/**
 * Formats as gitleaks and the services' own documents describe them. A value of stars, dots, a variable or a word in
 * angle brackets stands for a secret and is none.
 */
const FORMATS: Record<string, RegExp> = {
  'a password in a connection string':
    /\b[a-z][a-z\d+.-]*:\/\/[^\s:/@]*:(?!\*+@|\.+@|…@|\$\{?\w+\}?@|<|\[hidden\])[^\s/@]+@/i,
  'a JSON Web Token': /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/,
  'a private key': /-----BEGIN [A-Z ]*PRIVATE KEY/,
  'an AWS access key': /\b(?:A3T[A-Z\d]|AKIA|ASIA|ABIA|ACCA)[A-Z2-7\d]{16}\b/,
  'a GitHub token': /\b(?:gh[pousr]_[A-Za-z\d]{36}|github_pat_\w{40,})/,
  'a GitLab token': /\bgl(?:pat|dt|rt|ptt|soat|cbt)-[\w-]{20,}/,
  'a Slack token': /\bxox[abeoprs]-[\w-]{10,}|\bxapp-\d-[\w-]{10,}/,
  'a Slack webhook': /hooks\.slack\.com\/(?:services|workflows|triggers)\/[\w/+-]{30,}/,
  'a Stripe key': /\b[rs]k_(?:live|test|prod)_[A-Za-z\d]{10,}/,
  'a Google API key': /\bAIza[\w-]{35}/,
  'a SendGrid key': /\bSG\.[\w-]{16,}\.[\w-]{16,}/,
  'an npm token': /\bnpm_[A-Za-z\d]{36}/,
  'a PyPI token': /\bpypi-AgE[\w-]{40,}/,
  'a Twilio key': /\bSK[\da-f]{32}\b/,
  'an API key of a language model': /\bsk-(?:ant-|proj-|svcacct-)?[\w-]{20,}/,
  'a DigitalOcean token': /\bdo[oprt]_v1_[\da-f]{64}/,
  'a Shopify token': /\bshp(?:at|ca|pa|ss)_[\da-f]{32}/i,
  'a Telegram token': /\b\d{8,10}:A[\w-]{34}\b/,
  'a Hugging Face token': /\bhf_[A-Za-z\d]{34}\b/,
  'an Azure key': /\bAccountKey=[\w+/]{40,}={0,2}/,
  'a token in a header': /\b(?:Bearer|Basic) (?=\S*\d)[\w.~+/-]{20,}=*/,
  'a value of a secret':
    /\b(?:\w*(?:password|passwd|pwd|secret|api_?key|access_?key|private_?key|token)) ?[=:] ?['"`]?(?=[^\s'"`]*\d)(?=[^\s'"`]*[a-z])[^\s'"`<>(){}$*]{8,}/i,
}

/** A run of letters, digits and signs as random generators write them. */
const RANDOM = /(?<![\w/+.-])(?=\S*[a-z])(?=\S*[A-Z])(?=\S*\d)[\w+-]{32,}={0,2}(?![\w/.-])|\b[\da-f]{64,}\b/g

/** Bits per character. Words have less, random text of 32 characters has about 4.5. */
const MIN_ENTROPY = 4

/** Returns what kinds of secrets the text has. */
export function findSecrets(text: string): string[] {
  const known = Object.entries(FORMATS).flatMap(([name, format]) => (format.test(text) ? [name] : []))
  if (known.length > 0) return known
  const random = [...text.matchAll(RANDOM)].some(
    ([found]) => entropyOf(found) > MIN_ENTROPY || /^[\da-f]{64,}$/.test(found),
  )
  return random ? ['a random value, as secrets are'] : []
}

function entropyOf(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  return [...counts.values()].reduce((sum, count) => {
    const share = count / text.length
    return sum - share * Math.log2(share)
  }, 0)
}
