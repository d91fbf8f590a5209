"""Asks the advisories' database, by pip-audit, about every version of requirements.lock; ends with 1 where it knows one.

Where the database can't be reached, a line says that nothing was audited, and the exit code is 0.
"""

import json
import pathlib
import subprocess
import sys

LOCK = pathlib.Path(__file__).resolve().parent.parent / "requirements.lock"


def main() -> int:
    """Prints what was found; returns the exit code."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "-r", str(LOCK)]
    ended = subprocess.run([*command, "--format=json", "--progress-spinner=off"], capture_output=True, text=True)
    try:
        packages = json.loads(ended.stdout)["dependencies"]
    except ValueError:
        print(
            f"not audited: {ended.stderr.strip().splitlines()[-1] if ended.stderr.strip() else 'pip-audit says nothing'}"
        )
        return 0
    audited = [package for package in packages if "vulns" in package]
    if not audited:
        print(f"not audited: the advisories' database knows none of the {len(packages)} packages, or can't be reached")
        return 0
    for package in audited:
        for advisory in package["vulns"]:
            fixed = ", ".join(advisory["fix_versions"]) or "no version"
            print(f"{package['name']} {package['version']}: {advisory['id']}, fixed in {fixed}")
    found = sum(len(package["vulns"]) for package in audited)
    print(f"{found} advisories; {len(audited)} packages audited, {len(packages) - len(audited)} not")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
