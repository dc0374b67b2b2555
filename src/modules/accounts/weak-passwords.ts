/** Finds passwords that are easy to guess: common ones, patterns, and the names of the owner (ASVS 5.0 §6.2.4). */
import { readFileSync } from 'node:fs'
import { SERVICE_NAME } from '../../config/service-name.ts'

/** The data of an account that an attacker would try as its password. */
export type PasswordOwner = { email: string; displayName: string }

const LIST = new URL('common-passwords.txt', import.meta.url)

/** Digits and letters, repeated because a sequence may wrap around; the rows of QWERTY, QWERTZ and AZERTY keyboards. */
const ROWS = [
  '0123456789'.repeat(3),
  'abcdefghijklmnopqrstuvwxyz'.repeat(2),
  '`1234567890-=',
  '1234567890ß´',
  '&é"\'(-è_çà)=',
  '!@#$%^&*()_+',
  'qwertyuiop[]\\',
  'qwertzuiopü+',
  'azertyuiop^$',
  "asdfghjkl;'",
  'asdfghjklöä#',
  'qsdfghjklmù*',
  'zxcvbnm,./',
  'yxcvbnm,.-',
  'wxcvbn,;:!',
].flatMap(row => [row, [...row].reverse().join('')])

/**
 * Returns a function that returns why a password is weak, in a sentence for the user, or undefined if it is not weak.
 * Passwords are compared in NFKC and without regard to case.
 */
export function createFindWeakness() {
  const text = readFileSync(LIST, 'utf8')
  const common = new Set(text.slice(text.indexOf('\n\n')).trim().split('\n'))

  return function findWeakness(password: string, owner: PasswordOwner): string | undefined {
    const normal = fold(password)
    if ([normal, lettersOf(normal)].some(spelling => common.has(spelling)))
      return 'The password is one of the most common ones'
    if (isRepeated(normal)) return 'The password repeats a few characters'
    if (isSequence(normal) || ROWS.some(row => row.includes(normal)))
      return 'The password is a sequence of characters or keys'
    const [local = ''] = owner.email.split('@')
    if ([owner.email, local, owner.displayName].some(name => isSame(name, normal)))
      return 'The password is the e-mail address or the name of its owner'
    return isSame(SERVICE_NAME, normal) ? 'The password is the name of this service' : undefined
  }
}

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}

/** Returns whether a text repeats a unit of one to four characters: `aaaaaaaa`, `12121212`. */
function isRepeated(text: string): boolean {
  const characters = Array.from(text)
  return [1, 2, 3, 4].some(size => characters.every((character, i) => character === characters[i % size]))
}

/** Returns whether the code points of a text go up by one each, or down by one each: `абвгдежз`, `87654321`. */
function isSequence(text: string): boolean {
  const codes = Array.from(text, character => character.codePointAt(0) ?? 0)
  const steps = new Set(codes.slice(1).map((code, i) => code - (codes[i] ?? 0)))
  const [step = 0] = steps
  return steps.size === 1 && Math.abs(step) === 1
}

/**
 * Returns whether a password is a name, without regard to case, signs, and numbers at its ends: `ada.lovelace1815` is
 * `Ada Lovelace`.
 */
function isSame(name: string, password: string): boolean {
  const bare = withoutCounters(lettersOf(fold(name)))
  return fold(name) === password || (bare !== '' && bare === withoutCounters(lettersOf(password)))
}

/** Removes a number of up to four digits, such as a year, from each end: it does not make a name harder to guess. */
function withoutCounters(letters: string): string {
  return letters.replace(/^\p{N}{1,4}(?=\P{N})|(?<=\P{N})\p{N}{1,4}$/gu, '')
}

/** Returns the visible letters and digits of a text. */
function lettersOf(text: string): string {
  return text.replace(/[^\p{L}\p{M}\p{N}]|\p{Default_Ignorable_Code_Point}/gu, '')
}
