/** Reads how much the kernel still holds for the client of each connection: Node only knows what it has handed over. */
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { endianness } from 'node:os'
import ipaddr from 'ipaddr.js'

/** Linux's tables of TCP connections, of this process's network; proc_pid_net(5). */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']

/** Local port, address and port of the peer, and bytes that it has not acknowledged, all in hexadecimal; not without any. */
const WAITING = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]+:[0-9A-F]{4}) [0-9A-F]{2} (?!0{8})([0-9A-F]{8}):/gm

/** Returns what gives the bytes that wait in the kernel for the client of a connection; 0 where that is not known. */
export async function readSendQueues(): Promise<(socket: Socket) => number> {
  const queues = new Map<string, number>()
  for (const table of await Promise.all(TABLES.map(readTable))) {
    for (const [, port, peer, bytes] of table.matchAll(WAITING)) {
      queues.set(`${port} ${peer}`, Number.parseInt(bytes as string, 16))
    }
  }
  return socket => queues.get(keyOf(socket)) ?? 0
}

/** Empty where there is no such table, as on macOS, or where no file can be opened. */
function readTable(path: string): Promise<string> {
  return readFile(path, 'latin1').catch(() => '')
}

function keyOf({ localPort = 0, remoteAddress = '::', remotePort = 0 }: Socket): string {
  return `${hexOf(localPort)} ${hexOfAddress(remoteAddress)}:${hexOf(remotePort)}`
}

function hexOf(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}

/** The kernel prints an address as integers of 32 bits, in the order of bytes of the machine. */
function hexOfAddress(address: string): string {
  const bytes = Buffer.from(ipaddr.parse(address).toByteArray())
  if (endianness() === 'LE') bytes.swap32()
  return bytes.toString('hex').toUpperCase()
}
