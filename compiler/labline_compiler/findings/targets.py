"""LL6xx: rules on what a pipeline is compiled for."""

from __future__ import annotations

from labline_compiler.findings.model import Rule

TITLE = "Targets"

RULES = (
    Rule(
        "LL601",
        "option left out",
        "warning",
        "The target that the pipeline is compiled for, or this machine, cannot do what this option asks for, so the "
        "step runs there without it.",
        "Remove the option, or run on a target that has it.",
    ),
    Rule(
        "LL602",
        "target unreachable",
        "error",
        "The target does not answer, or not with a certificate that is trusted.",
        "See that the address is right, that the server runs, and that a port-forward or VPN is up; name a "
        "private certificate authority with --ca-file.",
    ),
    Rule(
        "LL603",
        "target refuses who asks",
        "error",
        "The target does not accept the credentials, or does not allow what was asked for.",
        "Renew the token; see that --auth and --secret are right; or ask for the rights.",
    ),
    Rule(
        "LL604",
        "not Kubeflow Pipelines",
        "error",
        "What answers at the target's address is not the v2 API of Kubeflow Pipelines, or the target is not "
        "described right.",
        "Use the address of the API server or of its proxy, https://HOST/pipeline in a full Kubeflow.",
    ),
    Rule(
        "LL605",
        "namespace unusable",
        "error",
        "The target serves many users and needs a namespace, or the one it has cannot be read.",
        "Name a namespace of yours: labline target add ... --namespace NAME.",
    ),
    Rule(
        "LL606",
        "rights missing on the cluster",
        "error",
        "Kubernetes says that this user may not do what a run needs.",
        "Ask the cluster's administrator for the rights named here.",
    ),
    Rule(
        "LL607",
        "secret of a target missing or not sent",
        "error",
        "The token or cookie of the target is not where the target says that it is, or it would go over plain http, "
        "where others can read it.",
        "Set the environment variable, write the file, or store it with: labline target login NAME. Use https.",
    ),
    Rule(
        "LL608",
        "target out of sight",
        "warning",
        "A run goes on at a target that does not answer at the moment, so that what is shown of it may be old.",
        "Nothing is lost: the run is followed again as soon as the target answers.",
    ),
    Rule(
        "LL609",
        "target refuses the pipeline",
        "error",
        "The target answered that it cannot take the pipeline or start the run, or its cluster lacks what a step "
        "names: a secret, a volume, or room in the namespace's quota.",
        "See what it says, and that its release fits this Labline; make what is missing there.",
    ),
    Rule(
        "LL610",
        "gone from the target",
        "error",
        "What a run needs is no longer on the target: somebody has removed it there.",
        "Run again.",
    ),
    Rule(
        "LL611",
        "results not mirrored",
        "warning",
        "A step has succeeded on the target, but what it left there could not be read from here.",
        "See that the target's pipeline root can be read: the same S3 settings as for artifacts apply.",
    ),
    Rule(
        "LL612",
        "artifact store unavailable",
        "error",
        "The bucket that LABLINE_ARTIFACTS names cannot be used, so that values would not be kept.",
        "Correct the bucket, the endpoint or the credentials, or unset LABLINE_ARTIFACTS to keep values here only.",
    ),
    Rule(
        "LL613",
        "files left behind",
        "warning",
        "A run on a cluster gets the files of the notebook's folder with it, but not all: what is hidden, too big or "
        "elsewhere stays on this machine, and a step that looks for it there does not find it.",
        "Name a pipeline root or allow more with --folder-limit; name what no step needs in .lablineignore.",
    ),
    Rule(
        "LL614",
        "the image lacks packages",
        "error",
        "What the notebook imports is not in the image that its steps run in on the cluster, or in another version "
        "than in the notebook's kernel, so that a step fails there, or computes something else.",
        "Build an image with them: labline image build NOTEBOOK. Or have them installed once into a volume: "
        "labline target add ... --packages CLAIM.",
    ),
    Rule(
        "LL615",
        "the image is not there",
        "error",
        "The registry that the image's name says does not have it, so that the pod of a step waits in vain; a warning "
        "where you are not signed in there, or the registry is this machine's own, since the cluster may have it then.",
        "Push it there, or name one that is there: labline target add ... --image REF, or image:REF at the step.",
    ),
    Rule(
        "LL616",
        "rights missing for what comes after a run",
        "warning",
        "Kubernetes says that this user may start runs, but not try them again, or not make, pause and remove "
        "recurring ones.",
        "Ask the cluster's administrator for the rights named here.",
    ),
    Rule(
        "LL617",
        "not signed in to the target",
        "error",
        "The target is one to sign in to, and nobody has, or the session has ended. A run that goes on there meanwhile "
        "is followed again once somebody has signed in.",
        "Sign in: Sign In to a Target… in the Lab, or labline target login NAME at a terminal.",
    ),
)
