// The tables of messages as the encoder asks for them.

import { strict as assert } from 'node:assert'
import { ENUMS, MESSAGES } from '../generated/messages.ts'
import { MapEntry } from '../wire.ts'

const VARINTS = ['int32', 'int64', 'uint32', 'uint64', 'sint64'] as const
const SCALARS = [...VARINTS, 'fixed64', 'bool', 'float', 'double', 'string', 'bytes'] as const
export type Scalar = (typeof SCALARS)[number]

/** What a field holds. */
export type FieldType =
  | { kind: 'scalar'; scalar: Scalar }
  | { kind: 'enum'; name: string; values: ReadonlyMap<string, number> }
  | { kind: 'message'; message: MessageType }

export interface Field {
  name: string
  number: number
  type: FieldType
  isRepeated: boolean
  /** Of the fields of one group only one may be there. */
  group: string | undefined
}

export interface MessageType {
  name: string
  fields: Map<string, Field>
}

const ENTRY = /map<(\w+),([\w.]+)>/
const FIELD = /^(\w+)=(\d+):([\w.<>,]+)(\*?)(?:\|(\w+))?$/

const scalarOf = (name: string): Scalar | undefined => SCALARS.find((each) => each === name)

class Schema {
  readonly messages = new Map<string, MessageType>()
  readonly #enums = new Map<string, ReadonlyMap<string, number>>()

  constructor() {
    for (const [name, values] of blocksIn(ENUMS)) this.#enums.set(name, new Map(values.map(pairOf)))
    const blocks = blocksIn(MESSAGES)
    for (const [name] of blocks) this.messages.set(name, { name, fields: new Map() })
    for (const [name, fields] of blocks)
      for (const text of fields) this.#addField(this.messages.get(name), text)
  }

  #addField(message: MessageType | undefined, text: string): void {
    const [, name = '', number, type = '', star, group] = FIELD.exec(text) ?? []
    assert(message !== undefined && name !== '', `the table of messages has ${text}`)
    const field = { name, number: Number(number), type: this.#typeOf(type), group }
    message.fields.set(name, { ...field, isRepeated: star === '*' })
  }

  #typeOf(name: string): FieldType {
    const scalar = scalarOf(name)
    if (scalar !== undefined) return { kind: 'scalar', scalar }
    const values = this.#enums.get(name)
    if (values !== undefined) return { kind: 'enum', name, values }
    const message = this.messages.get(name) ?? this.#entryOf(name)
    return { kind: 'message', message }
  }

  /** A map is a list of messages with a key and a value. */
  #entryOf(name: string): MessageType {
    const [, key = '', value = ''] = ENTRY.exec(name) ?? []
    const entry: MessageType = { name, fields: new Map() }
    this.#addField(entry, `key=${MapEntry.key}:${key}`)
    this.#addField(entry, `value=${MapEntry.value}:${value}`)
    this.messages.set(name, entry)
    return entry
  }
}

/** `Name { a b c }`, one after the other. */
const blocksIn = (table: string): [string, string[]][] =>
  Array.from(table.matchAll(/([\w.]+) \{([^}]*)\}/g), ([, name = '', body = '']) => [
    name,
    body.split(/\s+/).filter((each) => each !== ''),
  ])

function pairOf(text: string): [string, number] {
  const [name = '', number] = text.split('=')
  return [name, Number(number)]
}

let known: Schema | undefined

/** A message by its name in TensorFlow's package. The tables are read when they are first asked for. */
export const messageType = (name: string): MessageType | undefined =>
  (known ??= new Schema()).messages.get(name)
