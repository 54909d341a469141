"""The vocabulary of the bundled aggregator: phrases by symbol, between ``|``; ``content`` explains the notation."""

PEOPLE = {
    "men": "أحمد|يوسف|سعيد|عبد اللطيف|مراد|رشيد|هشام|كريم|إدريس|نبيل|طارق|عبد الحق|جمال|منير|زهير|ياسين",
    "women": "أمينة|فاطمة الزهراء|نادية|سميرة|لطيفة|خديجة|حنان|سناء|رجاء|نزهة|مريم|إلهام|بشرى|سلوى|وفاء|ابتسام",
    "families": "الفاسي|بنعيسى|أمزال|الشرايبي|أوعلي|المرابط|الزياني|بوزيان|الطاهري|العمراني|حجي|بلقاسم|السوسي|"
    "الورياغلي|أيت الحاج|الناصري|بنجلون|المنصوري|الدرقاوي|الصقلي|بوعزة|الخطابي|التازي|اليعقوبي",
}

ARABIC = {
    "city": "الرباط|الدار البيضاء|فاس|مراكش|طنجة|أكادير|وجدة|مكناس|تطوان|آسفي|الجديدة|بني ملال|الناظور|الحسيمة|العيون|"
    "ورزازات|القنيطرة|خريبكة|الصويرة|تازة",
    "region": "جهة سوس ماسة|جهة الشرق|جهة فاس مكناس|جهة درعة تافيلالت|جهة طنجة تطوان الحسيمة|جهة مراكش آسفي|"
    "جهة الرباط سلا القنيطرة|جهة بني ملال خنيفرة|جهة العيون الساقية الحمراء|جهة كلميم واد نون",
    "province": "تارودانت|زاكورة|شفشاون|أزيلال|جرسيف|سيدي قاسم|الحوز|ميدلت|وزان|تاونات|اشتوكة آيت باها|الرشيدية|بركان|"
    "صفرو|خنيفرة|شيشاوة|طاطا|العرائش",
    "month": "يناير|فبراير|مارس|أبريل|ماي|يونيو|يوليوز|غشت|شتنبر|أكتوبر|نونبر|دجنبر",
    "day": "الاثنين|الثلاثاء|الأربعاء|الخميس|الجمعة|السبت|الأحد",
    "when": "يوم {day}|أمس {day}|صباح {day}|مساء {day}|ظهر {day}|يوم {day} {d} {month}|زوال {day} {d} {month}",
    "program": "جسور الأمل|واحات المستقبل|مسارات جديدة|أفق مشترك|نبض الجهة|يد في يد|خطوة بخطوة|بصمة خضراء|"
    "نوافذ مفتوحة|قوافل الخير|مدن هادئة|بوابة الشباب|روافد|شمس الغد|مفاتيح|عهد جديد|أرض وماء|صوت القرب|منارات|"
    "دروب آمنة|كتاب لكل بيت|ذاكرة المكان|جيل التغيير|سواعد",
    "role": "المدير* الجهوي*|المنسق* الوطني*|الكاتب* العام*|الناطق* الرسمي* باسم الهيئة|الخبير* في السياسات العمومية|"
    "المكلف* بالتواصل|نائب* الرئيس|المستشار* القانوني*|المسؤول* عن المشروع|الباحث* الجامعي*|رئيس* اللجنة|"
    "المفتش* الإقليمي*",
    "predicate": "^روم {goal}|^هدف إلى {goal}|س^مكن من {goal}|س^ساهم في {goal}|^ندرج في إطار {goal}|^رتكز على {goal}|"
    "^راهن على {goal}|^توخى {goal}|^سعى إلى {goal}|^ستجيب لمطلب {goal}|^شمل {goal} و{goal}|مكن~ من {goal}|"
    "ساهم~ فعليا في {goal}|أتاح~ {goal}|ساعد~ على {goal}|لم ^نجح بعد في {goal}|^توقف على {goal}|^قتضي {goal}|"
    "^نص على {goal} و{goal}|^منح الأولوية ل{goal}|^فتح الباب أمام {goal}|^ضع ضمن أهداف° {goal}|عجل~ ب{goal}|"
    "انطلق~ ب{goal}|س^نتهي ب{goal}|^قوم أساسا على {goal}|^عني عمليا {goal}",
    "by": "على مستوى {region}|بإقليم {province}|بإقليمي {province} و{province}|في أفق سنة {future}|"
    "قبل متم شهر {month}|منذ مطلع شهر {month}|خلال الأسابيع القليلة المقبلة|خلال السنة الجارية|بشراكة مع {org}|"
    "بتنسيق مع {org}|بتمويل من {org}|تحت إشراف {org}|بدعم تقني من {org}|بكلفة تناهز {n} مليون درهم|"
    "بغلاف مالي قدره {n} مليون درهم|لفائدة {n} أسرة|لفائدة {n} مستفيدا ومستفيدة|على مدى {m} شهرا|"
    "انطلاقا من مدينة {city}|وفق مقاربة تشاركية|وفق دفتر تحملات جديد|اعتمادا على إمكانيات ذاتية|"
    "استنادا إلى دراسة أنجزت سنة {past}|للسنة الثانية على التوالي|رغم محدودية الموارد|رغم التأخر المسجل|"
    "دون انتظار نتائج الافتحاص|ب{n} جماعة ترابية|وسط ترقب كبير|على ثلاث مراحل|بعد مشاورات دامت {m} يوما|"
    "بموجب اتفاقية وقعت في {month}|بداية من شهر {month}|بالوسط القروي أولا",
    "tail": "مع الحرص على {goal}|في انتظار {goal}|بما يضمن {goal}|مما سيتيح {goal}|تمهيدا ل{goal}|موازاة مع {goal}|"
    "فضلا عن {goal}|إلى جانب {goal}|دون إغفال {goal}|وهو ما يستدعي {goal}|على أن تبدأ بعد ذلك عملية {goal}|"
    "وذلك قصد {goal}|بدل الاقتصار على {goal}|خصوصا ما يتعلق ب{goal}|لاسيما {goal}|شريطة {goal}|عوض تأجيل {goal}|"
    "كخطوة أولى نحو {goal}|حتى لا يتعثر ورش {goal}|وهي نتيجة مباشرة لقرار {goal}|في أفق {goal}|علاوة على {goal}",
    "claim": "<noun> {predicate}|<noun> {predicate} {by}|<noun> {predicate}، {tail}|<noun> {predicate} {by}، {tail}|"
    "<noun>، {by}، {predicate}",
    "short": "<noun> {predicate}",
    "frame": "وأوضح~ <person>، {role}، في تصريح للصحافة، أن|وأضاف~ <same> أن|وأبرز المصدر نفسه أن|وأكد~ <person> أن|"
    "وسجل~ <org>، في بلاغ ل°، أن|وأفاد~ <org>، في تقرير حديث، بأن|ومن جهت°، اعتبر~ <person>، {role}، أن|"
    "وشدد~ <person>، خلال لقاء بمدينة {city}، على أن|وأبرز~ <same>، في معرض حديث°، أن|ونبه~ <org> إلى أن|"
    "وذكر~ <person> بأن|ويرى متتبعون للشأن المحلي أن|وحسب آخر المعطيات المتوفرة، فإن|وتفيد أرقام {org} بأن|"
    "ويظهر من خلال الوثائق المعروضة أن|ولم ^خف <person> أن|واعتبر~ <same>، جوابا عن سؤال بهذا الخصوص، أن|"
    "وخلص~ <org>، عقب اجتماع دام {k} ساعات، إلى أن|وأشار~ <person>، بالمناسبة ذاتها، إلى أن|"
    "ولفت~ <same> الانتباه إلى أن|وأورد~ <org>، على موقع° الإلكتروني، أن|وصرح~ <person>، {role}، بأن|"
    "وعلم من مصدر مقرب أن|ويبدو أن|والواقع أن|كما أن|وفي السياق ذاته، أعلن~ <org> أن|وعلى صعيد آخر، أكد~ <org> أن",
    "action": "وطالب~ <org> ب{goal} {by}|واقترح~ <person> {goal} {by}|وشدد~ <same> على ضرورة {goal}، {tail}|"
    "والتزم~ <org> ب{goal} {by}، {tail}|ونوه~ <person> بجهود {org} الرامية إلى {goal}|"
    "وحذر~ <org> من مغبة التأخر في {goal}|ورحب~ <org> بقرار {goal} {by}|وانتقد~ <person> غياب رؤية واضحة بخصوص {goal}|"
    "ويتعلق الأمر، حسب {org}، ب{goal} و{goal}|ومن المنتظر أن ^شرع <org> في {goal} {by}|"
    "ويرتقب أن ^علن <org> عن {goal} {by}|وتوقف~ <person> عند أهمية {goal}، {tail}|ودافع~ <person> عن خيار {goal} {by}|"
    "وتساءل~ <org> عن مآل {goal}|واستعرض~ <person> حصيلة {goal} {by}|وأوصى المشاركون ب{goal}، {tail}|"
    "وتضمن جدول الأعمال {goal} و{goal}|وستتكلف لجنة مختلطة ب{goal} {by}|"
    "وتوجت الأشغال بتوقيع اتفاقية تهم {goal}، {tail}|وأطلق~ <org> مبادرة «{program}» من أجل {goal}|"
    "وضمن عملية «{program}»، شرع~ <org> في {goal} {by}|ويحمل البرنامج اسم «{program}»، {tail}",
    "quote": "وقال~ <person>: «إن {claim}»|«{claim}»، ^قول <same>|وعلق~ <same> بالقول: «{claim}»|"
    "وأضاف~ <person>، {role}: «نريد {goal} {by}»|وختم~ <same> حديث° بالقول: «لا بديل عن {goal}»",
    "number": "الغلاف المالي المرصود يصل إلى {n} مليون درهم|نسبة تقدم الأشغال بلغت {p} في المائة|"
    "عدد المستفيدين ارتفع إلى {n} شخصا مقابل {n} سنة {past}|{p} في المائة من الاعتمادات صرفت قبل نهاية {month}|"
    "العملية همت {n} جماعة بإقليم {province}|الاتفاقية تمتد إلى غاية سنة {future}|آجال التنفيذ حددت في {m} شهرا|"
    "لجنة التتبع عقدت {n} اجتماعا منذ {month}|الدراسة الأولى أنجزت سنة {past} بمدينة {city}",
    "sentence": "{frame} {claim}|{frame} {claim}|{frame} {claim}|{frame} {fact}|{frame} {fact}، {tail}|{action}|"
    "{action}|{quote}|{frame} {number}، {tail}",
    "lead": "أعلن~ <org>، {when} بمدينة {home}، عن {goal} {by}|كشف~ <org>، {when}، أن {claim}|"
    "ترأس~ <person>، {role}، {when} بمدينة {home}، اجتماعا خصص ل{goal}، {tail}|"
    "احتضنت مدينة {home}، {when}، يوما دراسيا حول {goal} {by}|"
    "خصص~ <org> مبلغ {n} مليون درهم من أجل {goal} بمدينة {home}|"
    "وقع~ <org>، {when} بمدينة {home}، اتفاقية مع {org} تهم {goal}، {tail}|"
    "عاد ملف {goal} بمدينة {home} إلى الواجهة، بعدما أكد~ <org> أن {fact}|"
    "شرع~ <org>، ابتداء من {when}، في {goal} {by}|بعد أشهر من الانتظار، قرر~ <org> {goal} {by}، {tail}|"
    "أكد~ <person>، {role}، {when} بمدينة {home}، أن {claim}|"
    "استأثر موضوع {goal} باهتمام ساكنة مدينة {home}، {when}، {tail}",
    "closer": "يذكر أن {fact}، {tail}|وتجدر الإشارة إلى أن {fact}|يشار إلى أن {claim}|جدير بالذكر أن {number}",
    "headline": "<org> ^عتزم {goal} {by}|<org> ^راهن على {goal}|{home}.. <org> ^شرع في {goal}|{person}: {short}|"
    "{goal} {by}.. تفاصيل مشروع جديد|بكلفة {n} مليون درهم.. {goal} بمدينة {home}|{home} تحتضن لقاء حول {goal}|"
    "هذا ما ^قترحه <org> بخصوص {goal}|{home}: {fact}|مبادرة «{program}» تصل إلى مدينة {home}|"
    "جدل حول {goal} بمدينة {home}|تقرير: {fact}|أسباب تأخر {goal} بإقليم {province}|سباق مع الزمن من أجل {goal}|"
    "مشروع «{program}» ب{home}.. {goal} في مقدمة الأهداف",
    "caption": "صورة من لقاء سابق بمدينة {city}|جانب من أشغال اللقاء|أرشيف {past}|مشهد عام من مدينة {city} صباح {day}",
}

# theme: (listing topic, organisations, things under discussion, aims as verbal nouns, facts with figures)
ARABIC_THEMES = {
    "politics": (
        "politics",
        "+رئاسة الحكومة|مجلس النواب|+وزارة الداخلية|المجلس الجماعي|+لجنة العدل والتشريع",
        "مشروع القانون التنظيمي|+الدورة الاستثنائية|+الأغلبية الحكومية|+اللوائح الانتخابية الجديدة|"
        "النظام الداخلي المعدل|+المشاورات مع الأحزاب|الحوار مع النقابات|+ميزانية الجماعة",
        "مراجعة القوانين الانتخابية|توسيع صلاحيات المنتخبين|تقريب الإدارة من المواطنين|تعزيز حضور النساء في المجالس|"
        "ضبط نفقات الحملات الدعائية|ترسيخ ربط المسؤولية بالمحاسبة|إشراك الشباب في القرار المحلي|"
        "تنزيل ورش الجهوية المتقدمة|رقمنة مساطر التعمير|تبسيط شروط تأسيس الأحزاب|نشر محاضر الدورات للعموم|"
        "تجاوز الخلاف بين الفرق البرلمانية|إحداث لجنة لتقصي الحقائق|تفعيل ملتمسات المواطنين|تقليص عدد اللجان الدائمة|"
        "مراقبة الصفقات العمومية|تحيين التقطيع الترابي|استرجاع ثقة الناخبين|تسوية وضعية الأعوان المؤقتين|"
        "تمكين المعارضة من رئاسة اللجان",
        "{n} نائبا صوتوا لصالح المقترح|المعارضة تقدمت ب{n} تعديلا على النص|نسبة الحضور لم تتجاوز {p} في المائة|"
        "عدد الأسئلة الشفوية بلغ {n} سؤالا خلال الدورة|الأصوات الملغاة ناهزت {n} صوتا|"
        "أشغال اللجنة استغرقت {m} ساعة متواصلة|{n} مستشارا تغيبوا عن دورة شهر {month}",
    ),
    "economy": (
        "economics",
        "بنك المغرب|+وزارة المالية|الاتحاد العام للمقاولات|+المندوبية السامية للتخطيط|المركز الجهوي للاستثمار",
        "+المنطقة الصناعية الجديدة|برنامج دعم المقاولات الصغرى|قانون المالية|+خطة التشغيل|ميثاق الاستثمار|"
        "+الاستثمارات الأجنبية|قطاع السيارات|+استراتيجية التصدير",
        "خفض كلفة الإنتاج|جذب مستثمرين أجانب|تمويل المشاريع الناشئة|تنويع أسواق التصدير|محاربة القطاع غير المهيكل|"
        "تحسين مناخ الأعمال|تأهيل اليد العاملة المحلية|تقليص عجز الميزان التجاري|دعم القدرة الشرائية|"
        "ضبط أسعار المواد الأساسية|تسهيل الولوج إلى القروض|رفع القيمة المضافة للصناعة|إحداث مناصب شغل قارة|"
        "مراجعة الرسوم الجمركية|تشجيع الطاقات المتجددة|احترام آجال الأداء|كبح معدل التضخم|توسيع الوعاء الضريبي|"
        "رقمنة المعاملات التجارية|إنعاش السياحة الداخلية",
        "معدل النمو استقر في {p} في المائة|الصادرات ارتفعت بنسبة {p} في المائة|{n} مقاولة أغلقت أبوابها سنة {past}|"
        "مداخيل الضرائب فاقت {n} مليار درهم|معدل البطالة تراجع إلى {p} في المائة|أسعار الخضر زادت بنسبة {p} في المائة|"
        "{n} مستثمرا زاروا المنطقة في {month}",
    ),
    "sport": (
        "sports",
        "+جامعة كرة القدم|نادي الشباب الرياضي|+العصبة الاحترافية|الاتحاد الإفريقي للعبة|+إدارة الفريق",
        "المعسكر الإعدادي|+البطولة الوطنية|المنتخب المحلي|+مباراة الإياب|المدرب الجديد|الملعب البلدي|+مدرسة التكوين|"
        "+لجنة كأس العرش",
        "الظفر بلقب الموسم|تأهيل ملاعب القرب|تجديد عقود اللاعبين|محاربة الشغب في المدرجات|اكتشاف مواهب شابة|"
        "تعويض غياب الهداف المصاب|الحفاظ على نظافة الشباك|تدارك هزيمة الذهاب|اعتماد تقنية الفيديو|"
        "تسديد مستحقات الأطر التقنية|ضمان البقاء في القسم الأول|رفع اللياقة البدنية للمجموعة|تطوير كرة القدم النسوية|"
        "تنظيم دوري دولي للناشئين|إصلاح أرضية الملعب|استقطاب حارس مجرب|ترشيد مصاريف التنقل|بلوغ المربع الذهبي|"
        "مصالحة الجمهور مع الفريق|تخفيض أسعار التذاكر",
        "الفريق حصد {m} نقطة منذ بداية الموسم|{n} ألف متفرج تابعوا اللقاء|المهاجم سجل {m} هدفا في الدوري|"
        "الإصابة ستبعد القائد {m} يوما عن الميادين|نسبة الاستحواذ بلغت {p} في المائة|اللائحة ضمت {m} لاعبا من البطولة|"
        "سعة الملعب سترتفع إلى {n} ألف مقعد",
    ),
    "culture": (
        "culture",
        "+وزارة الثقافة|معهد الفنون|+جمعية أصدقاء الكتاب|المركز السينمائي|+مؤسسة المهرجان",
        "المعرض الجهوي للكتاب|+الدورة الجديدة من المهرجان|الشريط الوثائقي|+الرواية الفائزة|متحف المدينة العتيقة|"
        "+ورشات المسرح|الأسبوع الموسيقي|+جائزة القصة القصيرة",
        "تكريم رواد الأغنية الشعبية|ترميم المباني التاريخية|تشجيع القراءة العمومية|صون التراث الشفهي|"
        "دعم الإنتاج المسرحي|تقريب السينما من القرى|نشر أعمال الكتاب الشباب|توثيق الفنون الأمازيغية|فتح المكتبات مساء|"
        "ترجمة دواوين مغربية|تحفيز الناشرين المستقلين|الاحتفاء بالحرف التقليدية|تكوين ممثلين هواة|إحياء ليالي السماع|"
        "رقمنة المخطوطات النادرة|استضافة شعراء من المشرق|عرض لوحات نادرة|حماية حقوق المؤلفين|توسيع فضاءات العرض|"
        "إدراج الموسيقى في المدارس",
        "{n} ألف زائر توافدوا على الأروقة|لجنة التحكيم قرأت {n} مخطوطا|العرض الأول حضره {n} متفرجا|"
        "{m} دار نشر شاركت في الدورة|المعرض يضم {n} لوحة زيتية|مدة الشريط لا تتجاوز {m} دقيقة|"
        "المكتبة تتوفر على {n} ألف عنوان",
    ),
    "health": (
        "health",
        "+وزارة الصحة|المستشفى الجامعي|+هيئة الأطباء|المركز الوطني لتحاقن الدم|+منظمة الصحة العالمية",
        "+حملة التلقيح|قسم المستعجلات|+الوحدات الطبية المتنقلة|البرنامج الوطني للتلقيح|+خريطة العلاجات|"
        "السجل الصحي الإلكتروني|+التغطية الصحية|مركز تصفية الكلي",
        "تقليص مدة الانتظار بالمستعجلات|توفير الأدوية الأساسية|الكشف المبكر عن السرطان|تجهيز غرف العمليات|"
        "مكافحة داء السكري|تحفيز أطباء القطاع العام|تأمين مخزون الدم|الحد من وفيات الأمهات|توعية المدخنين بالمخاطر|"
        "مراقبة جودة المياه|تكوين ممرضات قرويات|محاربة السمنة لدى الأطفال|علاج إدمان المراهقين|تعميم طب الأسرة|"
        "ضبط أثمنة المصحات|إجراء جراحات القلب مجانا|تطوير العلاج عن بعد|تلقيح المسنين أولا|تتبع مرضى السل|"
        "تخفيف آلام المفاصل",
        "{n} مريضا استفادوا من الفحوصات|نسبة الشفاء بلغت {p} في المائة|المستشفى يستقبل {n} حالة يوميا|"
        "{p} في المائة من المصابين دون الثلاثين|{n} طبيبا غادروا القطاع سنة {past}|المخزون يكفي {m} يوما فقط|"
        "الوحدة الجديدة تضم {n} سريرا",
    ),
    "weather": (
        "society",
        "+مديرية الأرصاد الجوية|+الوقاية المدنية|+وكالة الحوض المائي|المرصد البيئي|+اللجنة الإقليمية لليقظة",
        "+خطة الطوارئ الشتوية|المخطط الإقليمي لليقظة|+عملية الشتاء|+النشرة الإنذارية|مركز الرصد الجديد|+فرق التدخل|"
        "نظام الإنذار المبكر|+محطات القياس",
        "إغلاق المقاطع الجبلية|إجلاء السكان المهددين|تنقية مجاري الأودية|فك العزلة عن الدواوير|"
        "حماية المزروعات من الصقيع|توزيع الأغطية والمؤن|تعليق الرحلات البحرية|توقع الزخات الرعدية|تفادي السياقة ليلا|"
        "تقوية شبكات الإنذار|تتبع درجات الحرارة|رصد العواصف الرملية|ترشيد استهلاك الماء|إزاحة الثلوج عن الطرق|"
        "إنقاذ رعاة محاصرين|قياس سمك الثلوج|مراقبة علو الأمواج|تعبئة كاسحات الثلوج|صيانة قنوات التصريف|"
        "تحسين الرؤية بالسواحل",
        "المقاييس سجلت {m} ملمترا خلال ليلة واحدة|سرعة الرياح بلغت {m} كيلومترا في الساعة|"
        "نسبة ملء السدود ناهزت {p} في المائة|سمك الثلوج وصل إلى {m} سنتمترا|{n} أسرة غادرت مساكنها مؤقتا|"
        "الحرارة ستلامس {m} درجة بالجنوب|{m} مقطعا طرقيا ظل مغلقا",
    ),
    "courts": (
        "society",
        "+النيابة العامة|+محكمة الاستئناف|+هيئة المحامين|+المديرية العامة للأمن الوطني|المجلس الأعلى للسلطة القضائية",
        "القانون الجنائي الجديد|+خطة النيابة العامة|+جلسة الاستماع|الملف الجنحي|قرار قاضي التحقيق|+مسطرة التحقيق|"
        "مكتب المساعدة القضائية|+العقوبات البديلة",
        "إيداع المشتبه فيه السجن|تأجيل النظر في الملف|استدعاء شهود جدد|حجز مبالغ مالية مهمة|إجراء خبرة خطية|"
        "تمتيع الموقوفين بالسراح|تسريع البت في القضايا|ضمان شروط المحاكمة العادلة|إعادة تمثيل الجريمة|"
        "تفكيك عصابة للسرقة|ضبط كمية من المخدرات|تعقب باقي المتورطين|إلغاء القرار المطعون فيه|تعويض أسر الضحايا|"
        "رفع الحصانة عن المنتخب|حماية المبلغين عن الفساد|تنفيذ الأحكام النهائية|الاستماع إلى الخبير المحاسب|"
        "تخفيف الاكتظاظ بالسجون|مصادرة السيارات المزورة",
        "المحكمة أدانت {m} متهما بالحبس النافذ|قيمة المسروقات قدرت ب{n} ألف درهم|الملف يضم {n} وثيقة|"
        "الموقوف يبلغ {m} سنة|{n} قضية راجت أمام الغرفة في {month}|مدة الحراسة النظرية امتدت {m} ساعة|"
        "الدفاع تقدم ب{m} طلبا أوليا",
    ),
    "agriculture": (
        "economics",
        "+وزارة الفلاحة|المكتب الجهوي للاستثمار الفلاحي|+تعاونية الواحة|+غرفة الصيد البحري|المعهد الزراعي",
        "الموسم الفلاحي|+زراعة الزيتون|برنامج الحبوب|+سلسلة الحليب|مخطط حماية القطيع|+مبادرة غرس الأركان|"
        "السقي الموضعي|+أسواق الجملة",
        "استصلاح أراضي بور|توزيع بذور مختارة|محاربة الحشرة القرمزية|تثمين المنتوجات المحلية|خفض كلفة الأعلاف|"
        "حفر أثقاب مائية|تلقيح رؤوس الماشية|تأمين الفلاحين الصغار|غرس أشجار مثمرة|تنظيم قنوات التسويق|"
        "منع الرعي الجائر|تخزين فائض البطاطس|حماية المصايد السمكية|تشجيع نساء التعاونيات|اقتصاد مياه الري|"
        "تحسين نسل الأبقار|إنقاذ واحات النخيل|مراقبة استعمال المبيدات|تصدير بواكر الطماطم|كهربة آبار السقي",
        "الإنتاج سيبلغ {n} ألف قنطار|المساحة المزروعة ناهزت {n} ألف هكتار|{n} فلاحا توصلوا بالدعم|"
        "ثمن اللتر تراجع إلى {m} درهما|المردودية تحسنت بنسبة {p} في المائة|{m} قاربا توقف عن الصيد|"
        "القطيع فقد {p} في المائة من رؤوسه",
    ),
    "education": (
        "society",
        "+وزارة التربية الوطنية|+الأكاديمية الجهوية|+جمعية الآباء|+جامعة القاضي عياض|المجلس الأعلى للتعليم",
        "الدخول المدرسي|+المدرسة الجماعاتية|+المنظومة التربوية|النقل المدرسي|+البرامج الدراسية|امتحان الباكالوريا|"
        "+الأحياء الجامعية|التعليم الأولي",
        "محاربة الهدر المدرسي|تعميم التعليم الأولي|تأهيل الداخليات القروية|تخفيف ثقل المحفظة|تجويد تكوين المدرسين|"
        "تدريس العلوم بالفرنسية|إدماج الأطفال في وضعية إعاقة|توسيع قاعدة الممنوحين|مواجهة الغش في الامتحانات|"
        "تزويد الأقسام بالحواسيب|فتح مسالك جامعية جديدة|إرساء دروس الدعم|إنصاف أساتذة العالم القروي|بناء ملاعب مدرسية|"
        "تشجيع البحث العلمي|تحيين المقررات القديمة|مرافقة حاملي الشهادات|تقليص الاكتظاظ بالفصول|إحياء أندية القراءة|"
        "توفير وجبات ساخنة",
        "{n} تلميذا التحقوا بالمؤسسة|نسبة النجاح وصلت إلى {p} في المائة|الحجرة الواحدة تضم {m} تلميذا|"
        "{n} مترشحا اجتازوا المباراة|المنحة لن تتجاوز {n} درهما|المؤسسة تشغل {m} أستاذا|"
        "{p} في المائة من المنقطعين فتيات",
    ),
    "transport": (
        "economics",
        "+وزارة النقل|المكتب الوطني للسكك الحديدية|+شركة الطرق السيارة|+الوكالة الوطنية للموانئ|+الخطوط الجوية",
        "القطار فائق السرعة|الطريق المداري|+حافلات النقل الحضري|+محطة المسافرين|الميناء الجديد|+سيارات الأجرة|"
        "+قنطرة الوادي|خط الترامواي",
        "تثنية الطريق الوطنية|تجديد أسطول الحافلات|الحد من حوادث السير|إنهاء الاختناق المروري|ربط المطار بالمدينة|"
        "خفض سعر التذكرة|تركيب رادارات ذكية|توسعة رصيف الحاويات|تأمين ممرات الراجلين|برمجة رحلات ليلية|"
        "تشوير المنعرجات الخطيرة|منع الوقوف العشوائي|كهربة الخط السككي|تنظيم النقل المزدوج|إعفاء الطلبة من الأداء|"
        "تقوية الجسور المتهالكة|مراقبة حمولة الشاحنات|شراء عربات مكيفة|فتح خط بحري مباشر|تهيئة مسالك الدراجات",
        "{n} ألف مسافر استعملوا الخط|طول المقطع لا يتعدى {n} كيلومترا|الرحلة ستدوم {m} دقيقة|"
        "حوادث السير خلفت {m} قتيلا|{n} حافلة دخلت الخدمة في {month}|حركة المسافرين نمت بنسبة {p} في المائة|"
        "الأشغال تعبئ {n} عاملا",
    ),
    "international": (
        "international",
        "+الأمم المتحدة|+وزارة الخارجية|الاتحاد الأوروبي|+جامعة الدول العربية|+المفوضية السامية للاجئين",
        "اتفاق وقف إطلاق النار|+القمة الطارئة|+المساعدات الإنسانية|المبعوث الأممي|+العقوبات الاقتصادية|"
        "+المفاوضات الثنائية|الانسحاب العسكري|+الوساطة الدولية",
        "إيصال الغذاء إلى المحاصرين|تبادل الأسرى والجثامين|استئناف العلاقات الدبلوماسية|نزع السلاح الثقيل|"
        "تمديد مهمة المراقبين|إعادة إعمار المدن المدمرة|استقبال دفعة من اللاجئين|تجميد أرصدة المسؤولين|"
        "التوصل إلى حل سياسي|مكافحة الهجرة السرية|فتح المعابر الحدودية|خفض انبعاثات الكربون|"
        "تخفيف ديون البلدان الفقيرة|إجراء انتخابات مبكرة|إدانة استهداف المدنيين|تأمين الملاحة البحرية|رفع حظر الطيران|"
        "سحب السفراء للتشاور|محاكمة مجرمي الحرب|إنشاء ممر إنساني",
        "{n} شاحنة عبرت الحدود|المعارك خلفت {n} قتيلا|{m} دولة صوتت لصالح القرار|الوفد ضم {m} خبيرا|"
        "الحصار دام {n} يوما|{n} ألف لاجئ غادروا المخيم|سعر البرميل بلغ {n} دولارا",
    ),
    "religion": (
        "religion",
        "+وزارة الأوقاف|المجلس العلمي المحلي|+الرابطة المحمدية للعلماء|+مؤسسة الإمام|بيت الزكاة",
        "موسم الحج|+خطبة الجمعة|+الكتاتيب القرآنية|+الدروس الحسنية|+حملة ختم القرآن|+الزاوية العتيقة|"
        "+رخص بناء المساجد|الدليل الجديد للحجاج",
        "إصلاح مساجد متضررة|تأطير الحجاج والمعتمرين|تحفيظ القرآن للصغار|ترسيخ قيم الوسطية|إحياء ليلة القدر|"
        "توزيع قفة رمضان|رعاية القيمين الدينيين|مراقبة هلال شوال|شرح أحكام الصيام|نشر كتب الفقه المالكي|"
        "مواجهة خطاب التطرف|تكوين مرشدات دينيات|صيانة الأضرحة التاريخية|إفطار عابري السبيل|تعليم الكبار التجويد|"
        "جمع تبرعات المحسنين|تحديد قيمة زكاة الفطر|تبسيط معاني الحديث|إنارة محيط المساجد|صلة الأرحام في العيد",
        "{n} مسجدا خضع للترميم|عدد الحجاج بلغ {n} ألف حاج|{n} طفلا شاركوا في مسابقة التجويد|"
        "كلفة السفر لم تتجاوز {n} ألف درهم|الكرسي العلمي نظم {m} درسا|{p} في المائة من الحفاظ إناث|"
        "المكتبة الملحقة تضم {n} مخطوطا",
    ),
}

FRENCH = {
    "city": "Rabat|Casablanca|Fès|Marrakech|Tanger|Agadir|Oujda|Meknès|Tétouan|Safi|El Jadida|Essaouira",
    "day": "lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche",
    "month": "janvier|février|mars|avril|mai|juin|juillet|septembre|octobre|novembre|décembre",
    "person": "Karim Bennani|Salma Idrissi|Mehdi Alaoui|Nadia Tazi|Youssef Chraïbi|Leïla Amrani|Hicham Berrada|"
    "Samira Filali",
    "role": "porte-parole du collectif|responsable du projet|économiste à Rabat|membre de la commission|"
    "consultant indépendant|spécialiste du dossier|délégué régional|chef de division",
    "org": "le ministère de la Santé|la Banque centrale|la commune urbaine|le Conseil régional|l'Agence de l'eau|"
    "la Fédération du tourisme|l'Office des changes|l'université Mohammed V|le Parlement|la Chambre de commerce|"
    "l'Observatoire du climat|la Direction des routes|le Centre cinématographique|la Ligue professionnelle",
    "noun": "le nouveau programme|la réforme annoncée|le plan d'urgence|l'accord signé hier|la feuille de route|"
    "le projet de loi|la campagne nationale|le partenariat public|la stratégie régionale|le budget rectificatif|"
    "l'appel à projets|la deuxième tranche|le chantier du port|la ligne ferroviaire|le fonds de soutien|"
    "la convention cadre|le dispositif d'alerte|la plateforme numérique",
    "goal": "réduire les délais d'attente|former des jeunes diplômés|moderniser les écoles rurales|"
    "protéger la nappe phréatique|attirer des capitaux étrangers|rénover la vieille médina|désenclaver les douars|"
    "soutenir les petites entreprises|lutter contre la fraude|financer la recherche appliquée|"
    "diversifier les exportations|sécuriser les passages à niveau|simplifier les démarches administratives|"
    "relancer le tourisme intérieur|limiter la hausse des prix|généraliser la couverture médicale|"
    "planter des arbres fruitiers|numériser les archives nationales|baisser le coût de l'énergie|"
    "recruter des infirmiers|créer des emplois stables|restaurer les remparts|prévenir les inondations|"
    "mieux encadrer les loyers|ouvrir de nouvelles lignes aériennes|équiper les hôpitaux de proximité|"
    "valoriser les produits du terroir|promouvoir le sport scolaire|traiter les eaux usées|accompagner les artisans|"
    "réguler le marché du gaz|encourager la lecture publique|doubler la route côtière|"
    "garantir la transparence des marchés|développer le fret maritime|adapter les cultures à la sécheresse|"
    "renforcer le contrôle sanitaire|héberger les étudiants boursiers|combler le déficit commercial|"
    "préserver les zones humides|associer la société civile|alléger la charge fiscale|produire des films locaux|"
    "raccorder les villages au réseau|retenir les médecins spécialistes|évaluer les politiques sociales",
    "verb": "vise à {goal}|doit servir à {goal}|cherche à {goal}|contribue à {goal}|s'attache à {goal}|"
    "consiste surtout à {goal}|ne suffit pas encore à {goal}|sert d'abord à {goal}|tend à {goal}|peut aider à {goal}|"
    "suffira à {goal}|n'a pas permis de progresser|prévoit une enveloppe pour {goal}|engage tous les acteurs à {goal}",
    "by": "à l'horizon {future}|depuis {month}|avant la fin de l'année|en partenariat avec {org}|"
    "avec l'appui technique du secteur privé|pour un coût de {n} millions de dirhams|à {city} et dans ses environs|"
    "sur une période de {m} mois|malgré un calendrier serré|au profit de {n} familles|"
    "en marge du salon organisé à {city}|dès le {d} {month}|sans attendre les résultats de l'audit|"
    "selon une étude publiée en {past}|dans {m} communes pilotes",
    "tail": "le temps de {goal2}|quitte à {goal}|de manière à {goal}|plutôt que de {goal2}|une condition pour {goal}|"
    "ce qui devrait aider à {goal}|sans renoncer à {goal}|première étape pour {goal}",
    "goal2": "revoir la copie|consulter les élus|boucler le financement|mesurer les progrès|convaincre les riverains|"
    "lever les réserves|publier les décrets|désigner un pilote",
    "claim": "{noun} {verb}|{noun} {verb} {by}|{noun} {verb}, {tail}|{noun}, {by}, {verb}",
    "fact": "{n} millions de dirhams ont été débloqués|le taux d'exécution atteint {p} %|"
    "{n} dossiers sont encore en instance|la croissance s'établit à {p} %|près de {n} familles sont concernées|"
    "{m} communes ont déjà signé|les recettes ont progressé de {p} %|le nombre de visiteurs dépasse {n} mille|"
    "{n} stagiaires ont été formés en {past}",
    "frame": "Selon {person}, {role},|D'après {org},|Pour {person},|Il ressort du rapport que|{person} estime que|"
    "Depuis {city}, {person}, {role}, assure que|Dans un communiqué, {org} précise que|On apprend par ailleurs que|"
    "À en croire {org},|{person} rappelle que|Les observateurs notent que|Reste que|"
    "{person}, {role}, regrette que cela tarde :|Du côté des professionnels, on souligne que",
    "sentence": "{frame} {claim}|{frame} {claim}|{frame} {fact}, {tail}|"
    "{person} propose de commencer par un objectif : {goal}|Une réunion est prévue {day} à {city} pour {goal}|"
    "« {claim} », résume {person}|L'enjeu consiste à {goal} et à {goal}|{frame} {fact}|"
    "Un comité veillera à {goal} {by}|Sous le nom « {program} », l'opération servira à {goal}",
    "program": "Horizon partagé|Jeunes en action|Villes vertes|Passerelles|Terre et eau|Nouvel élan",
    "lead": "Réuni {day} à {home}, le comité a décidé de mobiliser {n} millions de dirhams pour {goal}|"
    "C'est officiel depuis {day} à {home} : {claim} pour {n} millions de dirhams|"
    "À {home}, {day} {d} {month}, {person}, {role}, a présenté un plan destiné à {goal} {by}|"
    "À {home}, on se prépare à {goal} {by}|Nouvelle étape à {home} : {fact}, {tail}",
    "closer": "Pour rappel, {fact}|À noter que {fact}, {tail}|Le prochain rendez-vous est fixé au {d} {month} à {city}",
    "headline": "{home} : {m} millions de dirhams pour {goal}|Comment {goal} {by}|{home} se mobilise pour {goal}|"
    "« {program} », un pari pour {goal}|{person} : « {noun} doit servir à {goal} »|"
    "Vers un nouvel effort pour {goal} à {home}",
    "caption": "Vue générale de {city}|Photo d'archives, {past}|Une réunion à {city}",
}

ENGLISH = {
    "city": "Rabat|Casablanca|Fez|Marrakesh|Tangier|Agadir|Oujda|Meknes|Essaouira|Laayoune",
    "day": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
    "month": "January|February|March|April|May|June|July|August|October|November",
    "person": "Omar Haddad|Salma Kettani|Driss Lahlou|Hanane Ziani|Rachid Mouline|Imane Sebti|Adil Rami|"
    "Ghita Benjelloun",
    "role": "a spokesman for the group|the project manager|an economist in Rabat|a member of the panel|"
    "the regional delegate|an independent analyst",
    "org": "the Ministry of Health|the central bank|the city council|the regional authority|the water agency|"
    "the tourism board|Parliament|the chamber of commerce|the climate observatory|the roads department|"
    "the football league",
    "noun": "the new programme|the draft law|the emergency plan|the agreement|the national campaign|the road map|"
    "the support fund|the rail link|the second phase|the public partnership|the training scheme|the port extension|"
    "the warning system|the digital platform",
    "goal": "cut waiting times in hospitals|train young graduates|modernise rural schools|protect the water table|"
    "attract foreign capital|restore the old medina|open up remote villages|support small firms|fight tax fraud|"
    "fund applied research|diversify exports|make level crossings safer|simplify paperwork|revive domestic tourism|"
    "curb rising prices|extend health cover|plant fruit trees|digitise the archives|lower energy bills|"
    "hire more nurses|create lasting jobs|prevent floods|launch new air routes|equip local clinics|"
    "promote school sport|treat waste water|help craftsmen|encourage reading|widen the coastal road|"
    "open up public tenders|develop sea freight|adapt crops to drought|tighten food checks|house students|"
    "narrow the trade gap|preserve wetlands|involve civil society|ease the tax burden|produce local films|"
    "connect villages to the grid",
    "verb": "aims to {goal}|is meant to {goal}|will help to {goal}|seeks to {goal}|has failed to {goal}|"
    "was designed to {goal}|should {goal} and {goal}|may eventually {goal}|promises to {goal}|is not enough to {goal}",
    "by": "by {future}|since {month}|before the end of the year|together with {org}|at a cost of {n} million dirhams|"
    "in the {city} region|over {m} months|despite a tight schedule|for {n} families|from {d} {month}|"
    "according to a study of {past}|in {m} pilot towns",
    "tail": "in order to {goal}|rather than {gerund}|a first step to {goal}|while {gerund}|without {gerund}",
    "gerund": "waiting for another report|asking for new loans|raising local taxes|closing the debate|"
    "cutting other budgets|consulting the unions|rushing the vote",
    "claim": "{noun} {verb}|{noun} {verb} {by}|{noun} {verb}, {tail}",
    "fact": "{n} million dirhams have been released|{p} percent of the work is complete|{n} files are still pending|"
    "growth stands at {p} percent|some {n} families are affected|{m} towns have already signed|"
    "revenue rose by {p} percent|{n} trainees graduated in {past}",
    "frame": "According to {person}, {role},|{person} said that|In a statement, {org} added that|"
    "{person}, {role}, believes|Speaking in {city}, {person} explained that|Observers note that|The report found that|"
    "Figures from {org} show that|Even so,|At the same time,|Critics reply that",
    "sentence": '{frame} {claim}|{frame} {claim}|{frame} {fact}, {tail}|{frame} {fact}|"{claim}," {person} said|'
    "A meeting is planned for {day} in {city} to {goal}|The priority is to {goal} and to {goal}|"
    'Known as "{program}", the scheme is expected to {goal} {by}|A committee will {goal} {by}',
    "program": "Common Horizon|Green Cities|New Bridges|Youth First|Land and Water",
    "lead": "Officials in {home} agreed on {day} to spend {n} million dirhams to {goal}|"
    "The city of {home} is about to {goal} {by}|{person}, {role}, unveiled on {day} in {home} a plan to {goal} {by}|"
    "A new step in {home}: {fact}, {tail}",
    "closer": "The next meeting is set for {d} {month} in {city}|So far, {fact}|Last year, {fact}",
    "headline": "{home} sets out to {goal}|{m} million dirhams to {goal} in {home}|How to {goal} {by}|"
    '{person}: {noun} {verb}|"{program}", a bid to {goal}',
    "caption": "A view of {city}|File photo, {past}",
}
