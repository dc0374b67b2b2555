/** Says why a password is too easy to guess: it is common, made of a pattern, or about its owner (ASVS 5.0 §6.2.4). */
import { readFileSync } from 'node:fs'
import { SERVICE_NAME } from '../../config/service-name.ts'

/** What an attacker who knows the account would try. */
export type PasswordOwner = { email: string; displayName: string }

const LIST = new URL('common-passwords.txt', import.meta.url)

/** The digits and letters, which begin again at their end, and the rows of keys of QWERTY, QWERTZ and AZERTY. */
const ROWS = [
  ...['0123456789'.repeat(3), 'abcdefghijklmnopqrstuvwxyz'.repeat(2)],
  ...['`1234567890-=', '1234567890ß´', '&é"\'(-è_çà)=', '!@#$%^&*()_+'],
  ...['qwertyuiop[]\\', 'qwertzuiopü+', 'azertyuiop^$'],
  ...["asdfghjkl;'", 'asdfghjklöä#', 'qsdfghjklmù*'],
  ...['zxcvbnm,./', 'yxcvbnm,.-', 'wxcvbn,;:!'],
].flatMap(row => [row, [...row].reverse().join('')])

/**
 * Returns a function that says why a password is weak, in words for the one who chose it; undefined where it is not.
 * Passwords are compared without regard to case and in NFKC.
 */
export function createFindWeakness() {
  const text = readFileSync(LIST, 'utf8')
  const common = new Set(text.slice(text.indexOf('\n\n')).trim().split('\n'))

  return function findWeakness(password: string, owner: PasswordOwner): string | undefined {
    const normal = fold(password)
    if ([normal, lettersOf(normal)].some(spelling => common.has(spelling)))
      return 'The password is among the most common ones'
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

/** Whether it is one character, or up to four of them, again and again: `aaaaaaaa`, `12121212`. */
function isRepeated(text: string): boolean {
  const characters = Array.from(text)
  return [1, 2, 3, 4].some(size => characters.every((character, i) => character === characters[i % size]))
}

/** Whether each character is the one after the character before it, or each the one before: `abcdefgh`, `87654321`. */
function isSequence(text: string): boolean {
  const codes = Array.from(text, character => character.codePointAt(0) ?? 0)
  const steps = new Set(codes.slice(1).map((code, i) => code - (codes[i] ?? 0)))
  const [step = 0] = steps
  return steps.size === 1 && Math.abs(step) === 1
}

/** Whether they differ in no letter, nor in a digit within: `Ada Lovelace` is `ada.lovelace1815`. */
function isSame(name: string, password: string): boolean {
  const bare = withoutCounters(lettersOf(fold(name)))
  return fold(name) === password || (bare !== '' && bare === withoutCounters(lettersOf(password)))
}

/** Without a year or a number of up to four digits before and after the letters, which make a name no harder to guess. */
function withoutCounters(letters: string): string {
  return letters.replace(/^\p{N}{1,4}(?=\P{N})|(?<=\P{N})\p{N}{1,4}$/gu, '')
}

/** The letters and digits that can be seen. */
function lettersOf(text: string): string {
  return text.replace(/[^\p{L}\p{M}\p{N}]|\p{Default_Ignorable_Code_Point}/gu, '')
}
