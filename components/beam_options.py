"""What the steps that are Beam jobs share: the options that a job gets."""

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions, TestOptions


def make_options(beam_options: list[str]) -> PipelineOptions:
    """Returns Beam's options.

    Its DirectRunner would first look for a Prism binary to download; FnApiRunner is what it ends with.
    """
    options = PipelineOptions(beam_options, save_main_session=False)
    if options.view_as(StandardOptions).runner in (None, "DirectRunner"):
        options.view_as(StandardOptions).runner = "FnApiRunner"
    return options


def is_dry_run(options: PipelineOptions) -> bool:
    """Tells whether a job is to be prepared and not run."""
    return bool(options.view_as(TestOptions).dry_run)
