import { expect, test } from 'vitest'
import { pairPatch, selectorText, touchPatch } from './deployment.ts'
import { deploymentOf } from './test-support/deployments.ts'

const template = (annotations: Record<string, string>, image = 'a:1') => ({
  template: { metadata: { annotations }, spec: { containers: [{ name: 'c', image }] } },
})

test('templates that differ in our two annotations only have one fingerprint', () => {
  const bare = deploymentOf({
    template: { metadata: {}, spec: { containers: [{ image: 'a:1', name: 'c' }] } },
  })
  const ours = deploymentOf(template({ 'drover.dev/config': '1-a', 'drover.dev/restart': '2' }))

  expect(ours.templateSha).toBe(bare.templateSha)
})

test.each([
  ['another image', template({}, 'a:2')],
  ['another annotation', template({ 'kubectl.kubernetes.io/restartedAt': 'now' })],
])('a template with %s has another fingerprint', (_what, parts) => {
  expect(deploymentOf(parts).templateSha).not.toBe(deploymentOf(template({})).templateSha)
})

test.each([
  ['Update', 'kubectl'],
  ['Apply', 'kubectl (apply)'],
])('the last manager of the annotation of the config is known: %s', (operation, manager) => {
  const owns = {
    'f:spec': {
      'f:template': { 'f:metadata': { 'f:annotations': { 'f:drover.dev/config': {} } } },
    },
  }
  const managedFields = [
    { manager: 'kubectl', operation, time: '2026-01-02T00:00:00Z', fieldsV1: owns },
    { manager: 'restarter', time: '2026-01-01T00:00:00Z', fieldsV1: owns },
    { manager: 'controller', time: '2026-01-03T00:00:00Z', fieldsV1: { 'f:status': {} } },
  ]

  expect(deploymentOf({ metadata: { managedFields } }).configManager).toBe(manager)
})

test('the empty pair takes both annotations away', () => {
  expect(pairPatch({})).toEqual({
    spec: {
      template: {
        metadata: { annotations: { 'drover.dev/config': null, 'drover.dev/restart': null } },
      },
    },
  })
})

test('patches carry the resourceVersion where one is given', () => {
  expect(pairPatch({ config: '1-a' }, '7')).toMatchObject({ metadata: { resourceVersion: '7' } })
  expect(touchPatch('me', '7')).toEqual({
    metadata: { resourceVersion: '7', annotations: { 'drover.dev/touch': 'me' } },
  })
})

test('a selector becomes the query of a list', () => {
  const matchExpressions = [
    { key: 'tier', operator: 'In' as const, values: ['a', 'b'] },
    { key: 'old', operator: 'DoesNotExist' as const, values: [] },
  ]

  const text = selectorText({ matchLabels: { app: 'x' }, matchExpressions })

  expect(text).toBe('app=x,tier in (a,b),!old')
})
