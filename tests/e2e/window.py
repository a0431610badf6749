"""A page of JupyterLab that tests use one after another: loading it takes ten times what most of them do in it."""

from __future__ import annotations

from playwright.sync_api import Browser, Error, Page, expect

# A notebook is opened as the file browser does, into a JupyterLab in which nothing is open. The kernel is waited for.
OPEN = """async name => {
    const app = window.jupyterapp;
    if (app === undefined || !document.querySelector('#main.jp-LabShell')) return false;
    const launchers = [...app.shell.widgets('main')];
    if (launchers.some(widget => !widget.id.startsWith('launcher'))) return false;
    const notebook = await app.commands.execute('docmanager:open', {path: name});
    await notebook.context.ready;
    await notebook.sessionContext.ready;
    launchers.forEach(widget => widget.dispose());
    return true;
}"""

# Whether it is as one that was just loaded: what is open goes unsaved and with its kernels, panels are as they were.
CLEAR = """async () => {
    const app = window.jupyterapp;
    if (app === undefined || !document.querySelector('#main.jp-LabShell')) return false;
    if (document.querySelector('.jp-Dialog, .lm-Menu')) return false;
    [...app.shell.widgets('main')].forEach(widget => widget.dispose());
    await app.serviceManager.sessions.shutdownAll();
    await app.commands.execute('apputils:dismiss-notification', {});
    app.shell.collapseRight();
    app.shell.expandLeft();
    document.activeElement?.blur();
    return [...app.shell.widgets('main')].every(widget => widget.id.startsWith('launcher'));
}"""


def open_in(page: Page, name: str) -> bool:
    """Open the notebook *name* if *page* is a JupyterLab in which nothing is open; whether it is."""
    return bool(page.evaluate(OPEN, name))


def choose_theme(page: Page, *, dark: bool) -> None:
    """Give a JupyterLab that is open another theme, as its menu does."""
    theme = "JupyterLab Dark" if dark else "JupyterLab Light"
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", str(not dark).lower())


class Window:
    """What one page after another is had of: the last one, cleared, or a new one where that cannot be done."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._page: Page | None = None

    def take(self) -> Page:
        """A page in which no test has left anything."""
        if self._page is None:
            context = self._browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
            self._page = context.new_page()
            self._page.set_default_timeout(30_000)
        return self._page

    def clear(self) -> None:
        """Leave nothing of a test that has gone well."""
        if self._page is None:
            return
        for other in self._page.context.pages:
            if other is not self._page:
                other.close()
        try:
            if self._page.locator(".jp-Dialog, .lm-Menu").count():
                self._page.keyboard.press("Escape")
            cleared = bool(self._page.evaluate(CLEAR))
            self._page.mouse.move(0, 0)
        except Error:  # the server was stopped, or the page is about to load
            cleared = False
        if not cleared:
            self.close()

    def close(self) -> None:
        """The next page is a new one."""
        page, self._page = self._page, None
        if page is not None:
            page.context.close()
