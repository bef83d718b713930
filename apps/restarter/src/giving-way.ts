import { type Channel, isPending, type Rollout } from '@drover/model-config'
import { isSamePair, type Observed, type SeenDeployment } from './observed.ts'
import { whyUnseen } from './template.ts'

/** A trouble that may pass, as a node that is still to come, is waited for for this share of a roll's time. */
const PASSING_SHARE = 0.25

/**
 * Why a roll ends without a judgement of what it brings: there is nothing to roll any more, or its
 * pods, or the API server, do not take it while a newer candidate, perhaps the remedy, waits.
 */
export function whyNoJudgement(
  observed: Observed,
  channel: Channel,
  rollout: Rollout,
): string | undefined {
  const { deployment } = observed
  if (deployment.kind === 'none') return 'there is no Deployment any more (DROVER_DEPLOYMENT)'
  if (!hasNewer(channel, rollout.seq)) return undefined
  const why =
    deployment.kind === 'away'
      ? whyAway(observed)
      : (whyUnmet(observed, deployment, rollout) ?? whyTroubled(observed, deployment))
  return why === undefined ? undefined : `${why}, and there is a newer candidate`
}

const hasNewer = (channel: Channel, seq: number): boolean =>
  isPending(channel) && channel.candidate !== undefined && channel.candidate.seq > seq

const isUnmet = ({ now, unmetSince = now, limits }: Observed): boolean =>
  now - unmetSince > limits.applyMs

/** A candidate that comes by reload needs nothing of a cluster that cannot be asked. */
const whyAway = (observed: Observed): string | undefined =>
  isUnmet(observed) && observed.delivery === 'reload' ? whyUnseen(observed.deployment) : undefined

function whyUnmet(observed: Observed, { pair }: SeenDeployment, { step }: Rollout) {
  const isMissing = !isSamePair(pair, step.template?.to ?? {}) && isUnmet(observed)
  return isMissing ? 'the pod template does not keep the pair' : undefined
}

function whyTroubled({ now, progressSince, limits }: Observed, { trouble }: SeenDeployment) {
  if (trouble === undefined) return undefined
  const patienceMs = trouble.mayPass ? limits.rollMs * PASSING_SHARE : limits.applyMs
  const isLong = now - progressSince > patienceMs
  return isLong ? `the pods do not get ready (${trouble.message})` : undefined
}
