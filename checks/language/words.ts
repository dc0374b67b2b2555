/** Words that make a sentence hard to read for people whose first language is not English, and what to write instead. */

export type Rule = {
  /** Matches the word in a line. */
  pattern: RegExp
  instead: string
  /** Files that contain this use the word as a term of the field. */
  unless?: RegExp
}

export const RULES: readonly Rule[] = [
  { pattern: /\bwhoever\b/gi, instead: 'the person, service or client that is meant' },
  { pattern: /\bwhatever\b/gi, instead: 'any, or the thing that is meant' },
  { pattern: /\bnobody\b/gi, instead: 'no one, no client, no user' },
  { pattern: /\bsomebody\b/gi, instead: 'a person, a user, another client' },
  { pattern: /\balike\b/gi, instead: 'in the same way' },
  { pattern: /\ball the same\b/gi, instead: 'still, even then' },
  { pattern: /\bonce more\b/gi, instead: 'again' },
  { pattern: /\bas far as it goes\b/gi, instead: 'the limit that is meant' },
  { pattern: /\bmade up\b/gi, instead: 'generated, invented, consists of' },
  { pattern: /\bhangs? on\b/gi, instead: 'depends on' },
  { pattern: /\btells\b/gi, instead: 'reports, shows, returns, distinguishes' },
  { pattern: /\bfares?\b/gi, instead: 'the result that is meant' },
  { pattern: /\bthat which\b/gi, instead: 'what' },
  // A curve is fitted to points.
  { pattern: /\bfits?\b/gi, instead: 'is valid, matches', unless: /Universal Scalability Law|stats\/usl/ },
]
