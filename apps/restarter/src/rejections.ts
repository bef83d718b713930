import { type Culprit, REJECTED_MAX, type Rejection } from '@drover/model-config'

/**
 * How many culprits the channel keeps over all rejections. Every server reads the channel every few
 * seconds, so the oldest make room: those a verdict of the publisher has long shut out.
 */
const CULPRITS_KEPT_MAX = 2_000
const CULPRIT_CHARACTERS_MAX = 200

/** The list with one more rejection, within its limits. */
export function withRejection(
  rejected: readonly Rejection[],
  { culprits, ...rejection }: Rejection,
): Rejection[] {
  const all = [...rejected, { ...rejection, culprits: culprits.map(shortened) }]
  let left = CULPRITS_KEPT_MAX
  const kept = all
    .slice(-REJECTED_MAX)
    .toReversed()
    .map((each) => {
      const some = each.culprits.slice(0, left)
      left -= some.length
      return { ...each, culprits: some }
    })
  return kept.toReversed()
}

const shortened = (culprit: Culprit): Culprit => ({
  ...culprit,
  reason: culprit.reason.slice(0, CULPRIT_CHARACTERS_MAX),
})
