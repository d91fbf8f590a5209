"""What a firmware bundle is made of, as a CycloneDX document: the model's files, and the libraries of others."""

import hashlib
import json

from ser_tinyml.codegen.cmsis_dsp import read_release
from ser_tinyml.version import VERSION

_APACHE = [{"license": {"id": "Apache-2.0"}}]


def make_sbom(generated: dict[str, bytes]) -> bytes:
    """Returns the JSON of CycloneDX 1.6; it holds no date and no random number, so the same bundle gives the same bytes.

    Args:
      generated: the model's files by their paths in the bundle.
    """
    release = read_release()
    cmsis_dsp = {
        "type": "library",
        "bom-ref": "cmsis-dsp",
        "name": "cmsisdsp",
        "version": release.version,
        "description": "The complex FFT of Arm's CMSIS-DSP, with other names; the hash is of its source distribution.",
        "hashes": [{"alg": "SHA-256", "content": release.sha256}],
        "licenses": _APACHE,
        "purl": f"pkg:pypi/cmsisdsp@{release.version}",
    }
    firmware = {
        "type": "firmware",
        "bom-ref": "firmware",
        "name": "ser-firmware",
        "version": VERSION,
        "licenses": _APACHE,
    }
    components = [cmsis_dsp, *(_describe_file(path, generated[path]) for path in sorted(generated))]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": firmware},
        "components": components,
        "dependencies": [{"ref": "firmware", "dependsOn": [component["bom-ref"] for component in components]}],
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def _describe_file(path: str, content: bytes) -> dict:
    hashes = [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}]
    return {"type": "file", "bom-ref": path, "name": path, "hashes": hashes}
