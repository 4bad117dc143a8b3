#include "synth/words.hpp"

#include <fmt/core.h>

#include <cctype>

namespace pushcart::synth {

namespace {

constexpr std::array<CategoryWords, 20> categories{{
    {"Garden",
     45,
     {"oak", "teak", "wicker", "steel", "willow", "stone"},
     {"garden bench", "planter", "watering can", "bird table", "trellis", "rake", "deck chair", "lantern",
      "hose reel", "seed tray"}},
    {"Kitchen",
     22,
     {"copper", "steel", "beech", "enamel", "glass", "ceramic"},
     {"saucepan", "whisk", "mixing bowl", "chopping board", "teapot", "ladle", "spice rack", "cake tin",
      "colander", "pepper mill"}},
    {"Lighting",
     38,
     {"brass", "linen", "glass", "bamboo", "chrome", "paper"},
     {"table lamp", "floor lamp", "pendant light", "wall light", "desk lamp", "fairy lights", "candle holder",
      "night light", "lampshade", "chandelier"}},
    {"Bedding",
     55,
     {"cotton", "linen", "wool", "bamboo", "silk", "flannel"},
     {"duvet cover", "pillowcase", "fitted sheet", "blanket", "quilt", "bedspread", "mattress topper",
      "throw", "bolster", "valance"}},
    {"Bathroom",
     18,
     {"cotton", "bamboo", "ceramic", "chrome", "marble", "glass"},
     {"bath towel", "soap dish", "bath mat", "shower curtain", "toothbrush holder", "towel rail", "bath tray",
      "laundry basket", "mirror", "sponge"}},
    {"Stationery",
     9,
     {"paper", "leather", "kraft", "cork", "brass", "linen"},
     {"notebook", "fountain pen", "greeting card", "pencil case", "desk pad", "sketchbook", "ring binder",
      "letter opener", "calendar", "envelope set"}},
    {"Toys",
     16,
     {"wooden", "plush", "felt", "tin", "cotton", "cardboard"},
     {"train set", "teddy bear", "puzzle", "building blocks", "doll house", "spinning top", "kite", "puppet",
      "rocking horse", "toy kitchen"}},
    {"Sports",
     34,
     {"carbon", "rubber", "nylon", "foam", "aluminium", "leather"},
     {"yoga mat", "tennis racket", "football", "skipping rope", "dumbbell", "cycle helmet", "swim goggles",
      "climbing harness", "running belt", "kettlebell"}},
    {"Clothing",
     42,
     {"cotton", "merino", "denim", "linen", "silk", "fleece"},
     {"scarf", "jumper", "shirt", "jacket", "skirt", "hoodie", "dress", "trousers", "cardigan", "waistcoat"}},
    {"Shoes",
     70,
     {"leather", "suede", "canvas", "rubber", "felt", "mesh"},
     {"ankle boots", "trainers", "sandals", "loafers", "slippers", "wellingtons", "brogues", "clogs",
      "ballet flats", "hiking boots"}},
    {"Jewellery",
     60,
     {"silver", "gold", "pearl", "copper", "amber", "jade"},
     {"necklace", "earrings", "bracelet", "brooch", "ring", "anklet", "pendant", "cufflinks", "locket",
      "hairpin"}},
    {"Bags",
     48,
     {"leather", "canvas", "jute", "nylon", "cork", "tweed"},
     {"tote bag", "backpack", "satchel", "wallet", "weekend bag", "wash bag", "laptop sleeve", "shopper",
      "drawstring bag", "card holder"}},
    {"Music",
     85,
     {"maple", "rosewood", "brass", "spruce", "nylon", "walnut"},
     {"ukulele", "guitar stand", "tambourine", "music box", "harmonica", "drum pad", "violin bow", "recorder",
      "xylophone", "metronome"}},
    {"Pets",
     20,
     {"felt", "rope", "nylon", "wicker", "cotton", "rubber"},
     {"dog bed", "cat tree", "dog lead", "food bowl", "bird feeder", "hamster wheel", "pet carrier",
      "scratching post", "chew toy", "aquarium rock"}},
    {"Beauty",
     15,
     {"rose", "lavender", "almond", "aloe", "honey", "argan"},
     {"hand cream", "soap bar", "face mask", "body oil", "shampoo", "lip balm", "bath salts", "perfume",
      "hair brush", "face serum"}},
    {"Pantry",
     8,
     {"organic", "smoked", "spiced", "roasted", "wild", "salted"},
     {"olive oil", "green tea", "coffee beans", "chutney", "honey jar", "chocolate bar", "biscuits", "pasta",
      "almonds", "berry jam"}},
    {"Tools",
     40,
     {"steel", "titanium", "ash", "rubber", "cast iron", "chrome"},
     {"hammer", "screwdriver set", "hand saw", "spirit level", "pliers", "cordless drill", "tool box",
      "workbench", "tape measure", "paint brush"}},
    {"Camping",
     65,
     {"nylon", "canvas", "aluminium", "bamboo", "wool", "titanium"},
     {"tent", "sleeping bag", "camp stove", "hammock", "head torch", "cool box", "picnic blanket",
      "water bottle", "folding stool", "mess kit"}},
    {"Home decor",
     28,
     {"walnut", "velvet", "glass", "rattan", "marble", "brass"},
     {"picture frame", "vase", "cushion", "wall clock", "rug", "bookend", "candle", "wreath", "side table",
      "door stop"}},
    {"Electronics",
     90,
     {"aluminium", "glass", "bamboo", "silicone", "walnut", "carbon"},
     {"headphones", "phone case", "speaker", "charging dock", "keyboard", "alarm clock", "webcam",
      "power bank", "e-reader cover", "mouse"}},
}};

constexpr std::array<std::string_view, 32> adjectives{
    "Rustic", "Blue",    "Small",  "Vintage", "Classic", "Green",   "Large",   "Handmade",
    "Slim",   "Red",     "Modern", "Cosy",    "White",   "Folding", "Striped", "Dotted",
    "Grey",   "Painted", "Nordic", "Compact", "Black",   "Floral",  "Antique", "Bright",
    "Yellow", "Woven",   "Tall",   "Festive", "Plain",   "Carved",  "Pink",    "Travel"};

constexpr std::array<std::string_view, 20> suffixes{
    "sage",      "navy",      "cream",     "coral",  "teal",   "mustard", "plum",
    "ivory",     "charcoal",  "rust",      "size S", "size M", "size L",  "size XL",
    "pack of 2", "pack of 3", "pack of 6", "mini",   "deluxe", "pro"};

constexpr std::array<std::string_view, 24> brands{
    "Alder & Finch", "Brightwell", "Corvane",   "Dunmore",   "Elmhurst", "Fernley",  "Galloway",  "Hartwood",
    "Ivo",           "Juniper",    "Kestrel",   "Larkspur",  "Morrow",   "Northway", "Oakridge",  "Pemberly",
    "Quill",         "Rowanvale",  "Saltmarsh", "Thornbury", "Umber",    "Veld",     "Wrenfield", "Yarrow"};

void append_lower(std::string_view word, std::string& text) {
  for (const char letter : word) text += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
}

}  // namespace

std::span<const CategoryWords> category_words() {
  return categories;
}
std::span<const std::string_view> brand_words() {
  return brands;
}

ItemWords words_of_item(Count serial) {
  constexpr Count num_nouns = nouns_per_category, num_materials = 6;
  constexpr Count combinations = num_nouns * num_materials * static_cast<Count>(adjectives.size());
  constexpr Count stride = 1187;  // no common divisor with the combinations: visits each of them once
  const Count place = serial % combinations * stride % combinations;
  return {static_cast<int>(place / (num_nouns * num_materials)),
          static_cast<int>(place / num_nouns % num_materials), static_cast<int>(place % num_nouns),
          serial / combinations};
}

std::string item_name(const CategoryWords& category, const ItemWords& words) {
  std::string name = fmt::format("{} {} {}", adjectives[static_cast<std::size_t>(words.adjective)],
                                 category.materials[static_cast<std::size_t>(words.material)],
                                 category.nouns[static_cast<std::size_t>(words.noun)]);
  constexpr auto num_suffixes = static_cast<Count>(suffixes.size());
  if (words.variant > num_suffixes) {
    name += fmt::format(" no. {}", words.variant - num_suffixes);
  } else if (words.variant > 0) {
    name += fmt::format(" {}", suffixes[static_cast<std::size_t>(words.variant - 1)]);
  }
  return name;
}

void append_query(const CategoryWords& category, const ItemWords& words, QueryStyle style,
                  std::string& text) {
  if (style == QueryStyle::category) return append_lower(category.name, text);
  if (style == QueryStyle::material_noun) {
    text.append(category.materials[static_cast<std::size_t>(words.material)]) += ' ';
  } else if (style == QueryStyle::adjective_noun) {
    append_lower(adjectives[static_cast<std::size_t>(words.adjective)], text);
    text += ' ';
  }
  text.append(category.nouns[static_cast<std::size_t>(words.noun)]);
}

}  // namespace pushcart::synth
