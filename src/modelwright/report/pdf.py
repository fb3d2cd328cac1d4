"""The report on paper: the page, unfolded and in its print style, laid out by PlutoPrint (PlutoBook)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from modelwright.errors import MissingExtra, RequestError
from modelwright.report import Story, document, html


def write(story: Story, path: Path) -> None:
    """Write the report as a PDF of A4 pages; nothing is fetched from anywhere.

    Raises:
        MissingExtra: when the extra ``pdf`` isn't installed.
        RequestError: when the file can't be written.
    """
    try:
        import plutoprint
    except ImportError:
        raise MissingExtra("Writing a PDF", "pdf") from None

    class Sealed(plutoprint.ResourceFetcher):
        """Fetches nothing: a page that were to name a file or an address would get an error."""

        def fetch_url(self, url: str) -> plutoprint.ResourceData:
            raise PermissionError(f"a report fetches nothing, not even {url}")

    told = document.build(story)
    book = plutoprint.Book(plutoprint.PAGE_SIZE_A4, plutoprint.PAGE_MARGINS_NORMAL, plutoprint.MEDIA_TYPE_PRINT)
    book.custom_resource_fetcher = Sealed()
    book.load_html(html.render(told, unfolded=True), base_url="report:")
    made = datetime.fromtimestamp(story.started, UTC).isoformat(timespec="seconds")
    for name in (plutoprint.PDF_METADATA_CREATION_DATE, plutoprint.PDF_METADATA_MODIFICATION_DATE):
        book.set_metadata(name, made)  # the run's time, so that the same run gives the same file
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        book.write_to_pdf(str(part))
        part.replace(path)
    except OSError as error:
        raise RequestError(f"{path} can't be written: {error.strerror or error}; choose another file") from error
