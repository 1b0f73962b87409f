"""Replicate behind the contract of `ImageProvider`.

The official client uploads files, cancels, and fetches the webhook secret. Creates, polls and lists go through our
transport, which is also the client's: its typed predictions lose what we need (`invalid_fields`, `data_removed`,
Retry-After, Cancel-After), and fail on the status "aborted" (pinned by a test).

A create is sent exactly once: nothing here or below repeats it. Safe for thousands in flight: one client with a pool
of connections for each event loop.
"""

import asyncio
import hashlib
import io
import json
import time
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from weakref import WeakKeyDictionary

import httpx
from replicate.client import Client

from generation.catalogue import CatalogueModel, UnknownModel, get_model
from generation.providers.inputs import picture_input, plain_input
from generation.providers.replicate.answers import busy, create_failure, read_object, read_prediction, read_time
from generation.providers.replicate.search import (
    MOST_PAGES,
    SEARCH_BEFORE,
    LostRequest,
    SharedSearch,
    exact,
    moment,
    own_path,
)
from generation.providers.replicate.transport import HttpFailure, ReplicateTransport
from generation.providers.safe_download import DEFAULT_PORTS, FetchRules, fetch_output
from generation.rules.values import (
    ImageInput,
    OutcomeUnknown,
    ProviderBusy,
    ProviderRefused,
    RenderProgress,
    RenderRequest,
    RenderStatus,
    Submission,
)

DEFAULT_BASE_URL = "https://api.replicate.com"
OUTPUT_HOSTS = ("replicate.delivery", ".replicate.delivery")
# Longer data URIs are refused by the API: larger pictures go through its files.
LONGEST_DATA_URI = 256_000
# Reads may take longer than the client's 30 s when the API is under load.
TIMEOUT = httpx.Timeout(30.0, connect=10.0, pool=60.0)
UPLOAD_KEPT_SECONDS, UPLOADS_KEPT = 1_200.0, 256
TIMES_KEPT = 20_000
UNREACHABLE = "Replicate cannot be reached just now."
Result = TypeVar("Result")


class _Connection(NamedTuple):
    """What an event loop has of its own: the client, its connections, and the search for lost requests."""

    client: Client
    transport: ReplicateTransport
    lost: SharedSearch


class ReplicateProvider:
    """`ImageProvider` for Replicate: official models, pinned community versions, deployments.

    `base_url` without "/v1". `output_hosts`: extra "host:port" that outputs may come from. `deployments`: catalogue
    key to "owner/name" of one's own deployment that serves it. `cancel_after_seconds`: when Replicate itself ends a
    prediction that nobody waits for any more (at least 5).
    """

    name = "replicate"

    def __init__(
        self,
        *,
        token: str,
        base_url: str = DEFAULT_BASE_URL,
        output_hosts: Iterable[str] = (),
        deployments: Mapping[str, str] | None = None,
        models: Callable[[str], CatalogueModel] = get_model,
        cancel_after_seconds: int = 900,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        self._token = token
        self._base_url = (base_url or DEFAULT_BASE_URL).rstrip("/").removesuffix("/v1")
        self._deployments = dict(deployments or {})
        self._models = models
        self._cancel_after = f"{max(5, cancel_after_seconds)}s"
        self._timeout = timeout
        self._connections: WeakKeyDictionary[asyncio.AbstractEventLoop, _Connection] = WeakKeyDictionary()
        self._uploads: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._created: OrderedDict[str, datetime] = OrderedDict()
        self._rules = self._build_rules(output_hosts)

    # --- the contract --------------------------------------------------------------------

    async def submit(self, request: RenderRequest) -> Submission:
        """Create one prediction. See `ImageProvider.submit`."""
        model = self._model(request.model)
        path, body = self._target(model)
        pictures = await picture_input(model, request, hand_over=self._hand_over)
        body["input"] = {**plain_input(model, request), **pictures}
        if request.webhook_url:
            body["webhook"] = add_key(request.webhook_url, key=request.key)
            body["webhook_events_filter"] = ["completed"]
        external_id = await self._create(path, body)
        return Submission(external_id=external_id, estimated_seconds=model.typical_seconds)

    async def poll(self, external_id: str) -> RenderProgress:
        """Read one prediction. See `ImageProvider.poll`."""
        try:
            content = await self._read(f"/v1/predictions/{_safe(external_id)}")
        except HttpFailure as failure:
            if failure.status == 404:
                return RenderProgress(
                    RenderStatus.GONE, error_kind="gone", error_text="Replicate no longer knows this prediction."
                )
            raise busy(status=failure.status, headers=failure.headers, body=failure.body) from failure
        return read_prediction(content)

    async def cancel(self, external_id: str) -> None:
        """Ask Replicate to stop. See `ImageProvider.cancel`."""
        try:
            await self._call(self._connection.client.predictions.async_cancel(_safe(external_id)))
        except HttpFailure as failure:
            if failure.status in (400, 404, 409, 422):
                return  # over already
            raise busy(status=failure.status, headers=failure.headers, body=failure.body) from failure

    async def find(self, *, request: RenderRequest, sent_at: datetime, exclude: Collection[str] = ()) -> str | None:
        """The prediction of a request whose answer was lost, or None if it never arrived.

        By our key in its webhook address, else by model, seed and prompt. `exclude`: ids that belong to others.
        Raises OutcomeUnknown(kind="too_late") where Replicate has removed the inputs that would tell: a person
        decides. Raises ProviderBusy where the list cannot be read.
        """
        return await self._connection.lost.find(self._search(request, sent_at=sent_at, exclude=exclude))

    def recognises(self, *, request: RenderRequest, content: Mapping[str, Any]) -> bool:
        """Whether a prediction's JSON shows the very request: its model, and its prompt and seed or whole input."""
        return self._search(request, sent_at=datetime.now(UTC)).recognises(content)

    def _search(self, request: RenderRequest, *, sent_at: datetime, exclude: Collection[str] = ()) -> LostRequest:
        model = self._model(request.model)
        return LostRequest(
            key=request.key,
            models=frozenset({model.key, self._deployments.get(model.key, model.key)}),
            version=model.version,
            content=plain_input(model, request),
            telling=tuple(name for name in (model.fields.prompt, model.fields.seed) if name),
            sent_at=sent_at,
            exclude=frozenset(exclude),
        )

    def fetch(self, output_url: str, *, max_bytes: int) -> Iterator[bytes]:
        """Stream one output by our own rules. See `fetching.fetch_output`."""
        return fetch_output(output_url, max_bytes=max_bytes, rules=self._rules)

    # --- beside the contract -------------------------------------------------------------

    async def poll_many(
        self, external_ids: Collection[str], *, since: datetime | None = None
    ) -> dict[str, RenderProgress]:
        """Ask where many stand, a hundred a call: one poll each would cost a call each.

        By the times at which they were created, where this process sent them, else all since `since`. Those that
        the list does not tell whole, or not within few pages, are left out of the answer: `poll` them. Raises
        ProviderBusy.
        """
        wanted, found = set(external_ids), dict[str, RenderProgress]()
        times = sorted(self._created[external_id] for external_id in wanted if external_id in self._created)
        if since is not None:
            window = {"created_after": moment(since - SEARCH_BEFORE)}
        elif times:
            # Replicate's own clock on both sides: to the millisecond, nobody else's hour is read
            window = {"created_after": exact(times[0]), "created_before": exact(times[-1] + timedelta(milliseconds=2))}
            wanted &= self._created.keys()
        else:
            return found
        page: str | None = f"/v1/predictions?{urlencode(window)}"
        for _ in range(MOST_PAGES if since else 2 + len(wanted) // 25):
            if page is None or not wanted:
                break
            content = await self._list(page)
            for entry in content["results"]:
                if entry["id"] in wanted:
                    wanted.discard(entry["id"])
                    if entry.get("status") != "succeeded" or entry.get("output"):
                        found[entry["id"]] = read_prediction(entry)
            page = own_path(content.get("next"))
        return found

    async def webhook_secret(self) -> str:
        """The account's signing secret ("whsec_…"). Raises ProviderBusy."""
        try:
            secret = await self._call(self._connection.client.webhooks.default.async_secret())
        except HttpFailure as failure:
            raise busy(status=failure.status, headers=failure.headers, body=failure.body) from failure
        return secret.key if secret else ""

    async def aclose(self) -> None:
        """Close the connections of the running event loop. For callers whose loop does not live long."""
        connection = self._connections.pop(asyncio.get_running_loop(), None)
        if connection is not None:
            await connection.transport.aclose()

    # --- sending -------------------------------------------------------------------------

    @property
    def _connection(self) -> _Connection:
        loop = asyncio.get_running_loop()
        if loop not in self._connections:
            transport = ReplicateTransport(base_url=self._base_url, token=self._token, timeout=self._timeout)
            client = Client(api_token=self._token, base_url=self._base_url, timeout=self._timeout, transport=transport)
            self._connections[loop] = _Connection(client, transport, SharedSearch(read_page=self._list))
        return self._connections[loop]

    def _model(self, key: str) -> CatalogueModel:
        try:
            return self._models(key)
        except UnknownModel as error:
            raise ProviderRefused(f"{error} Nothing was paid. Choose another one.", kind="not_found") from error

    def _target(self, model: CatalogueModel) -> tuple[str, dict[str, Any]]:
        """The path and the body's beginning: by deployment, by pinned version, or by an official name."""
        if model.endpoint == "deployment" or model.key in self._deployments:
            name = self._deployments.get(model.key, model.key)
            return f"/v1/deployments/{name}/predictions", {}
        if model.endpoint == "version":
            return "/v1/predictions", {"version": model.version}
        return f"/v1/models/{model.key}/predictions", {}

    async def _create(self, path: str, body: dict[str, Any]) -> str:
        headers = {"Cancel-After": self._cancel_after}
        try:
            answer = await self._connection.transport.post(path, json.dumps(body).encode(), headers=headers)
        except HttpFailure as failure:
            raise create_failure(status=failure.status, headers=failure.headers, body=failure.body) from failure
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ProviderBusy("Replicate cannot be reached just now. Nothing was sent.", kind="unreachable") from error
        except httpx.TransportError as error:
            raise OutcomeUnknown("Replicate's answer was lost: the render may have begun.", kind="lost") from error
        try:
            content = read_object(answer.content)
        except ProviderBusy:
            content = {}
        external_id = content.get("id") or _id_in_location(answer.headers.get("location", ""))
        if not isinstance(external_id, str):
            raise OutcomeUnknown("Replicate's answer could not be read: the render may have begun.", kind="garbled")
        self._remember_time(external_id, content.get("created_at"))
        return external_id

    def _remember_time(self, external_id: str, created_at: Any) -> None:
        at = read_time(created_at)
        if at is not None:
            self._created[external_id] = at
            while len(self._created) > TIMES_KEPT:
                self._created.popitem(last=False)

    async def _read(self, path: str) -> dict[str, Any]:
        """Read an object. Raises HttpFailure, or ProviderBusy where no readable answer came."""
        try:
            answer = await self._connection.transport.get(path)
        except httpx.TransportError as error:
            raise ProviderBusy(UNREACHABLE, kind="unreachable") from error
        return read_object(answer.content)

    async def _call(self, call: Awaitable[Result]) -> Result | None:
        """Call the official client; None where it cannot read the answer. Raises HttpFailure, ProviderBusy."""
        try:
            return await call
        except httpx.TransportError as error:
            raise ProviderBusy(UNREACHABLE, kind="unreachable") from error
        except (ValueError, TypeError):
            return None

    async def _hand_over(self, picture: ImageInput) -> str:
        """A picture as a data URI, or as the address of an upload where it is too large for one."""
        if len(picture.content) * 4 / 3 + 40 < LONGEST_DATA_URI:
            return f"data:{picture.media_type};base64,{b64encode(picture.content).decode()}"
        digest = hashlib.sha256(picture.content).hexdigest()
        known = self._uploads.get(digest)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        extension = picture.media_type.rpartition("/")[2]
        upload = self._connection.client.files.async_create(
            io.BytesIO(picture.content),
            filename=f"{picture.role}.{extension}",
            content_type=picture.media_type,
        )
        try:
            file = await self._call(upload)
        except HttpFailure as failure:
            error = create_failure(status=failure.status, headers=failure.headers, body=failure.body)
            if isinstance(error, OutcomeUnknown):  # an upload is not a purchase
                error = busy(status=failure.status, headers=failure.headers, body=failure.body)
            raise error from failure
        link = file.urls.get("get") if file else None
        if not link:
            raise ProviderBusy("Replicate's answer to an upload could not be read.", kind="garbled")
        self._uploads[digest] = (link, time.monotonic() + UPLOAD_KEPT_SECONDS)
        while len(self._uploads) > UPLOADS_KEPT:
            self._uploads.popitem(last=False)
        return link

    # --- searching -----------------------------------------------------------------------

    async def _list(self, page: str) -> dict[str, Any]:
        try:
            content = await self._read(page)
        except HttpFailure as failure:
            raise busy(status=failure.status, headers=failure.headers, body=failure.body) from failure
        results = content.get("results")
        if not isinstance(results, list):
            raise ProviderBusy("Replicate's list could not be read.", kind="garbled")
        content["results"] = [entry for entry in results if isinstance(entry, dict) and entry.get("id")]
        return content

    def _build_rules(self, output_hosts: Iterable[str]) -> FetchRules:
        """Outputs come from Replicate's own hosts and the named ones; the token goes to the API's host only."""
        parts = urlsplit(self._base_url)
        place = f"{parts.hostname}:{parts.port or DEFAULT_PORTS.get(parts.scheme, 443)}"
        return FetchRules.build(
            hosts=(*OUTPUT_HOSTS, *([parts.hostname] if parts.hostname else [])),
            named=output_hosts,
            tokens={place: self._token},
        )


def add_key(webhook_url: str, *, key: str) -> str:
    """The webhook's address with our own id in it, so that a delivery finds its generation before its id is saved."""
    parts = urlsplit(webhook_url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    if key in dict(query).values():
        return webhook_url
    return urlunsplit(parts._replace(query=urlencode([*query, ("key", key)])))


def _id_in_location(location: str) -> str | None:
    """The prediction's id in a Location header (".../v1/predictions/ID")."""
    _, found, rest = location.partition("/predictions/")
    return rest.split("/")[0].split("?")[0] or None if found else None


def _safe(external_id: str) -> str:
    """An id as a path segment. Ids are letters, digits, "-" and "_"; anything else cannot be one of Replicate's."""
    if not external_id.replace("-", "").replace("_", "").isalnum():
        raise ProviderRefused("This is not the id of a prediction on Replicate.", kind="not_found")
    return external_id
