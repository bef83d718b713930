// What is JSON and what is not, by upstream's parser (RapidJSON 1.1.0), and what bodies may look like.

import { gzipSync } from 'node:zlib'
import { answered, post, refused, refusedWith, type RestCase } from './case.ts'

const ANSWER = { predictions: [2.5] }
const GOOD = '{"instances":[1.0]}'
const predict = (body: string | Uint8Array) => post('default:predict', body)

const accepted = (name: string, body: string | Uint8Array): RestCase =>
  answered(name, predict(body), ANSWER)

const parseError = (body: string, what: string, offset: number): RestCase =>
  refused(JSON.stringify(body), predict(body), `JSON Parse error: ${what} at offset: ${offset}`)

const INVALID = 'Invalid value.'
const NO_NAME = 'Missing a name for object member.'
const NO_COMMA = "Missing a comma or ']' after an array element."

/** What the parser lets pass and what not. */
export const JSON_TEXT: readonly RestCase[] = [
  accepted('a byte order mark', '\ufeff{"instances":[1.0]}'),
  accepted('white space', ' \t\r\n{ "instances" : [ 1.0 ] } \n'),
  accepted('whatever follows the object', '{"instances":[1.0]} and more'),
  accepted('of two keys the first', '{"instances":[1.0],"instances":[2.0]}'),
  accepted('a key with an escape', '{"inst\\u0061nces":[1.0]}'),
  refused('no body', predict(''), 'JSON Parse error: The document is empty'),
  refusedWith('white space alone', predict(' \n '), ['JSON Parse error: The document is empty']),
  parseError('instances', INVALID, 0),
  parseError('{"instances":[01]}', NO_COMMA, 15),
  parseError('{"instances":[+1]}', INVALID, 14),
  parseError('{"instances":[.5]}', INVALID, 14),
  parseError('{"instances":[1.]}', 'Miss fraction part in number.', 16),
  parseError('{"instances":[1e]}', 'Miss exponent in number.', 16),
  parseError('{"instances":[nan]}', INVALID, 15),
  parseError('{"instances":[1,]}', INVALID, 16),
  parseError('{"instances":[1 2]}', NO_COMMA, 16),
  parseError('{"instances":[1', NO_COMMA, 15),
  parseError('{"instances":[1]', "Missing a comma or '}' after an object member.", 16),
  parseError('{"instances" [1]}', 'Missing a colon after a name of object member.', 13),
  parseError("{'instances':[1]}", NO_NAME, 1),
  parseError('{"a":1,}', NO_NAME, 7),
  parseError('{/**/"instances":[1]}', NO_NAME, 1),
  parseError('{"a":"\\u12G4"}', 'Incorrect hex digit after \\u escape in string.', 6),
  parseError('{"a":"\\ud800"}', 'The surrogate pair in string is invalid.', 6),
  parseError('{"a":"\\x"}', 'Invalid escape character in string.', 6),
  parseError('{"a":"b', 'Missing a closing quotation mark in string.', 7),
]

const zipped = (body: Uint8Array, encoding: string) => ({
  ...predict(body),
  headers: { 'content-encoding': encoding },
})
const EMPTY = 'JSON Parse error: The document is empty'
const BOMB_BYTES = 128 * 1024 * 1024
const REST_BODY = gzipSync(GOOD)

/** Compressed bodies. */
export const COMPRESSED: readonly RestCase[] = [
  ...['gzip', 'my_gzip', 'deflate, gzip'].map((encoding) =>
    answered(`Content-Encoding: ${encoding}`, zipped(REST_BODY, encoding), ANSWER),
  ),
  answered('another encoding is not looked at', zipped(Buffer.from(GOOD), 'br'), ANSWER),
  refused('what is not gzip', zipped(Buffer.from(GOOD), 'gzip'), EMPTY),
  refused('gzip that is cut off', zipped(REST_BODY.subarray(0, -12), 'gzip'), EMPTY),
  refused(
    'gzip that grows above 100 MB',
    zipped(gzipSync(Buffer.alloc(BOMB_BYTES, 32)), 'gzip'),
    EMPTY,
  ),
  refused('gzip of nothing', zipped(gzipSync(''), 'gzip'), EMPTY),
  {
    name: 'answers are not compressed',
    request: { ...predict(GOOD), headers: { 'accept-encoding': 'gzip' } },
    expect: { status: 200, json: ANSWER, headers: { 'content-encoding': undefined } },
  },
  answered(
    'the content type of a request is not looked at',
    { ...predict(GOOD), headers: { 'content-type': 'image/png' } },
    ANSWER,
  ),
]
