"""Every model of the catalogue, in the order in which choosers list them. Data only."""

from generation.catalogue.flux_models import FLUX
from generation.catalogue.own_models import COG, STUDIO
from generation.catalogue.replicate_models import LETTERING, STABLE_DIFFUSION, UPSCALERS
from generation.catalogue.retired import RETIRED
from generation.catalogue.schema import CatalogueModel

ASKED: tuple[CatalogueModel, ...] = (*FLUX, *LETTERING, *STABLE_DIFFUSION, *UPSCALERS, STUDIO, COG)
MODELS: tuple[CatalogueModel, ...] = (*ASKED, *RETIRED)
